# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""JSON Lines, and the place and reason of whatever is wrong in them."""

import gzip
import json

import pytest

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.data.corpus import formats as corpus_formats
from realm_tf.data.corpus import records


def write(path, *rows) -> str:
    data = b"".join(r if isinstance(r, bytes) else json.dumps(r).encode() + b"\n" for r in rows)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return str(path)


def read(pattern, **options) -> list:
    config = config_lib.CorpusConfig(**options)
    units = corpus_formats.units(pattern, "jsonl", config)
    return [found for unit in units for found in corpus_formats.read_unit(unit, "jsonl", config)]


def test_reads_files_in_order_plain_and_gzipped(tmp_path):
    b = write(tmp_path / "b.jsonl", {"id": "3", "text": "drei", "url": "u", "n": [1]})
    a = write(
        tmp_path / "a.jsonl.gz",
        b"\xef\xbb\xbf",  # a byte order mark
        {"doc_id": "1", "title": "Eins", "text": "é"},
        b"\n  \r\n",
        {"id": 2, "title": None, "text": "zwei"},
    )
    found = read(str(tmp_path / "*.jsonl*"))
    assert found == [
        types.Document("1", a, 1, "Eins", "é", "{}"),
        types.Document("2", a, 4, "", "zwei", "{}"),
        types.Document("3", b, 1, "", "drei", '{"n":[1],"url":"u"}'),
    ]


def test_fields_by_option(tmp_path):
    path = write(tmp_path / "a.jsonl", {"key": 7, "head": "H", "body": "B", "id": "x", "text": 1})
    (found,) = read(path, id_field="key", title_field="head", text_field="body")
    assert found == types.Document("7", path, 1, "H", "B", '{"id":"x","text":1}')


def test_separators_inside_a_string_do_not_end_a_record(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"id": "1", "text": "a\u2028b\x85c"}\n'.encode())
    assert [d.text for d in read(path)] == ["a\nb\nc"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "invalid JSON"),
        (b'{"id": "\xff", "text": ""}', "not UTF-8"),
        (b"[1, 2]", "object is needed"),
        (b'{"text": "a"}', 'no "id"'),
        (b'{"id": "", "text": "a"}', "not empty"),
        (b'{"id": true, "text": "a"}', "must be a string"),
        (
            b'{"id": "1", "body": 0}',
            '"text" must be a string. Received: None. The record holds: id, body.',
        ),
        (b'{"id": "1", "text": 5}', '"text" must be a string. Received: 5'),
        (b'{"id": "1", "text": "a", "title": []}', '"title" must be a string'),
        (b'{"id": "1", "text": "a", "x": NaN}', "NaN is not JSON"),
        (b'{"id": "1", "text": "\\ud800"}', "not valid Unicode"),
        (b'{"id": "1", "text": "a", "x": "\\UD800"}'.lower(), "not valid Unicode"),
        (b"[" * 100_000, "invalid JSON"),
    ],
)
def test_bad_line_is_named_and_the_next_ones_are_read(tmp_path, line, message):
    good = [{"id": "1", "text": "a"}, {"id": "2", "text": "b"}]
    path = write(tmp_path / "a.jsonl", good[0], line + b"\n", good[1])
    before, problem, after = read(path)
    assert (before.doc_id, after.doc_id, after.number) == ("1", "2", 3)
    assert isinstance(problem, records.Problem)
    assert problem[:2] == (path, 2)
    assert problem.message.startswith(f"{path}:2: ")
    assert message in problem.message
    assert "\n" not in problem.message


def test_escaped_surrogate_pair_is_a_character(tmp_path):
    path = write(tmp_path / "a.jsonl", rb'{"id": "1", "text": "\ud83d\ude00"}')
    assert [d.text for d in read(path)] == ["😀"]


def test_a_line_that_is_too_long_is_named_with_its_size(tmp_path):
    long = {"id": "2", "text": "a" * (3 << 20)}
    path = write(tmp_path / "a.jsonl.gz", {"id": "1", "text": "a"}, long, {"id": "3", "text": "c"})
    before, problem, after = read(path, max_record_mb=2)
    assert (before.doc_id, after.doc_id) == ("1", "3")
    size = len(json.dumps(long))
    assert problem.message.startswith(f"{path}:2: a record of {size} bytes is longer than")
    assert [d.doc_id for d in read(path, max_record_mb=4)] == ["1", "2", "3"]


def test_nul_bytes_and_long_words_are_text(tmp_path):
    word = "x" * 1_000_000
    path = write(tmp_path / "a.jsonl", {"id": "1", "text": f"a\0b {word}"})
    assert [d.text for d in read(path)] == [f"ab {word}"]


def test_cut_file_gives_what_stands_before_and_a_problem(tmp_path):
    path = write(tmp_path / "a.jsonl.gz", *({"id": i, "text": f"{i} {i * i}"} for i in range(9999)))
    data = (tmp_path / "a.jsonl.gz").read_bytes()
    (tmp_path / "a.jsonl.gz").write_bytes(data[: len(data) // 2])
    *before, problem = read(path)
    assert [d.doc_id for d in before] == [str(i) for i in range(len(before))]
    assert len(before) > 1000
    assert problem[:2] == (path, len(before))
    assert problem.message.startswith(
        f"{path}, after {path}:{len(before)}: the compressed data end"
    )
