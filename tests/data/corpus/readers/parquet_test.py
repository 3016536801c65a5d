# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Parquet: rows by number, values as JSON, damage."""

import datetime
import decimal
import json

import pyarrow
from pyarrow import parquet

from realm_tf.data.corpus import records
from realm_tf.data.corpus.readers import parquet as parquet_reader
from tests.data.corpus.readers import reading


def write(path, columns, **options) -> str:
    parquet.write_table(pyarrow.table(columns), path, **options)
    return str(path)


def test_columns_are_fields_and_the_rest_is_metadata(tmp_path):
    path = write(
        tmp_path / "a.parquet",
        {
            "id": [1, 2],
            "title": ["Eins", None],
            "text": ["eins", "zwei"],
            "day": [datetime.date(2020, 1, 2), None],
            "price": [decimal.Decimal("1.50"), None],
            "score": [float("nan"), 0.5],
            "tags": [["a"], []],
            "raw": [b"x", None],
        },
    )
    one, two = reading.read(path)
    assert one[:5] == ("1", path, 1, "Eins", "eins")
    assert json.loads(one.metadata) == {
        "day": "2020-01-02", "price": "1.50", "score": None, "tags": ["a"], "raw": "x",
    }  # fmt: skip
    assert two[:5] == ("2", path, 2, "", "zwei")


def test_row_groups_are_numbered_through(tmp_path):
    ids = [str(i) for i in range(1000)]
    path = write(tmp_path / "a.parquet", {"id": ids, "text": ids}, row_group_size=7)
    assert [(d.doc_id, d.number) for d in reading.read(path)] == [
        (i, n) for n, i in enumerate(ids, 1)
    ]


def test_bad_rows_are_named(tmp_path):
    texts = pyarrow.array([b"a", b"\xff", None, b"d" * 2_000_000, b"e"], pyarrow.binary())
    path = write(tmp_path / "a.parquet", {"id": list("abcde"), "text": texts.view(pyarrow.utf8())})
    found = reading.read(path, max_record_mb=1)
    assert reading.summary(found) == ["a", 2, 3, 4, "e"]
    messages = [f.message for f in found if isinstance(f, records.Problem)]
    assert messages[0].startswith(f"{path}: row 2: not UTF-8")
    assert '"text" must be a string. Received: None' in messages[1]
    assert "a record of 2000001 bytes is longer" in messages[2]


def test_damage_is_a_problem(tmp_path):
    path = tmp_path / "a.parquet"
    ids = [str(i) for i in range(5000)]
    write(
        path, {"id": ids, "text": ids}, row_group_size=500, use_dictionary=False, compression="NONE"
    )
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    (problem,) = reading.read(path)
    assert problem.message.startswith(f"{path}: not a Parquet file, or damaged: ")
    half = len(whole) // 2
    path.write_bytes(whole[:half] + b"\xff" * 3000 + whole[half + 3000 :])
    *before, problem = reading.read(path)
    assert isinstance(problem, records.Problem)
    assert [d.doc_id for d in before[:500]] == ids[:500]


def test_values_become_json():
    values = {
        "day": datetime.date(2020, 1, 2),
        "time": datetime.datetime(2020, 1, 2, 3, 4),
        "hour": datetime.time(3, 4),
        "span": datetime.timedelta(days=1),
        "price": decimal.Decimal("1.50"),
        "nothing": [float("nan"), float("inf"), None],
        "inner": {"key": (1, 2.5, True, b"x")},
    }
    plain = parquet_reader.json_value(values)
    assert plain == {
        "day": "2020-01-02",
        "time": "2020-01-02T03:04:00",
        "hour": "03:04:00",
        "span": "1 day, 0:00:00",
        "price": "1.50",
        "nothing": [None, None, None],
        "inner": {"key": [1, 2.5, True, "x"]},
    }
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
