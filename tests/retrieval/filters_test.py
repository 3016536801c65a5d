# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A filter allows the rows whose documents meet all of its conditions."""

import dataclasses
import datetime
import json

import numpy as np
import pytest

from realm_tf import types
from realm_tf.data.blocks import chunk as chunk_lib
from realm_tf.data.blocks import table as block_table
from realm_tf.retrieval import filters
from tests.data import example_passages

FIELDS = {"year": "number", "lang": "string", "updated": "date"}
LANGS = ("en", "de", "Smith, John", None)


def of_document(number: int) -> dict:
    """Metadata of a document: every seventh has none, and the languages are not all given."""
    if number % 7 == 0:
        return {}
    day = datetime.date(2024, 1, 1) + datetime.timedelta(days=10 * number)
    lang = LANGS[number % 4]
    return {"year": 2000 + number % 5, "updated": str(day), **({"lang": lang} if lang else {})}


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> block_table.BlockTable:
    """Two segments, of which some rows are left out."""
    root = tmp_path_factory.mktemp("blocks")
    halves = []
    for half in range(2):
        made = example_passages.passages(seed=half, num_docs=20)
        marked = []
        for passage in made:
            number = int(passage.block.doc_id.removeprefix("doc")) + 20 * half
            values = {"doc_id": f"doc{number}", "metadata": json.dumps(of_document(number))}
            marked.append(types.Passage(dataclasses.replace(passage.block, **values), ()))
        halves.append(
            example_passages.segments(root / str(half), marked, metadata_fields=FIELDS)[0]
        )
    return block_table.BlockTable.open(halves, without=np.array([0, 3, 4, 45]))


def expected(table, meets) -> np.ndarray:
    numbers = [int(table.doc_id(row).removeprefix("doc")) for row in range(len(table))]
    return np.array([bool(meets(of_document(number))) for number in numbers])


@pytest.mark.parametrize(
    ("conditions", "meets"),
    [
        ((), lambda m: True),
        (("lang=en",), lambda m: m.get("lang") == "en"),
        ((" lang = de, en ",), lambda m: m.get("lang") in ("de", "en")),
        (('lang="Smith, John",de',), lambda m: m.get("lang") in ("Smith, John", "de")),
        (("lang=fr",), lambda m: False),
        (("year=2001,2003",), lambda m: m.get("year") in (2001, 2003)),
        (("year>2001", "year<=2003"), lambda m: 2001 < m.get("year", 0) <= 2003),
        (("year>=2001.5",), lambda m: m.get("year", 0) >= 2001.5),
        (("year<2001",), lambda m: m.get("year", 9999) < 2001),
        (("updated>=2024-05-20",), lambda m: m.get("updated", "") >= "2024-05-20"),
        (("updated=2024-01-11",), lambda m: m.get("updated") == "2024-01-11"),
        (("updated<2024-05-20T12:00", "lang=en"), lambda m: (
            m.get("lang") == "en" and m["updated"] < "2024-05-20"
        )),
    ],
)  # fmt: skip
def test_allowed_rows(table, conditions, meets):
    together = filters.parse("; ".join(conditions)) if conditions else []
    found = filters.allowed(table, together)
    assert found.dtype == bool
    np.testing.assert_array_equal(found, expected(table, meets))


def test_values_that_have_their_types_already(table):
    day = datetime.date(2024, 5, 20)
    found = filters.allowed(
        table, [filters.Compared("updated", ">", day), filters.OneOf("year", (2001, 2002.0))]
    )
    meets = lambda m: m.get("updated", "") > "2024-05-20" and m["year"] in (2001, 2002)  # noqa: E731
    np.testing.assert_array_equal(found, expected(table, meets))
    assert found.any()


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("lang=en", filters.OneOf("lang", ("en",))),
        ("a b = x=y", filters.OneOf("a b", ("x=y",))),
        ('n="a ""b"", c",d', filters.OneOf("n", ('a "b", c', "d"))),
        ("year>=2020", filters.Compared("year", ">=", "2020")),
        ("year <2020", filters.Compared("year", "<", "2020")),
        ('n= " a;b" ,c d ;', filters.OneOf("n", (" a;b", "c d"))),
        ('n=""', filters.OneOf("n", ("",))),
    ],
)
def test_parse(text, condition):
    assert filters.parse(text) == [condition]


def test_parse_several():
    assert filters.parse('a=";\n<",é; b<=3;c>4 ;') == [
        filters.OneOf("a", (";\n<", "é")),
        filters.Compared("b", "<=", "3"),
        filters.Compared("c", ">", "4"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", ";", "lang", "=en", "lang=", "year>", "year>=", "year!=3 ", "a=1;;b=2", "a=1;b"),
        *('a="b', 'a=b"c"', 'a="b"c', 'a="b" "c"', "a=\x1fb", 'a"=b'),
    ],
)
def test_what_is_no_condition_is_refused(text):
    with pytest.raises(types.UserError, match="A filter must be a field, one of =, <, <=, >"):
        filters.parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("yaer>2000", r"No field 'yaer'.*lang \(string\), updated \(date\), year \(number\)"),
        ("year=soon", "by year, a number: it must be a number. Received: 'soon'"),
        ("updated>2024", "by updated, a date: it must be a date"),
        ("lang>de", "lang is of the type string, which has no order"),
        ("lang=en,,de", "by lang has an empty value"),
        ("year>2000,2001", "> takes one value. Received: 'year>2000,2001'"),
    ],
)
def test_what_does_not_fit_the_columns_is_refused(table, text, message):
    with pytest.raises(types.UserError, match=message):
        filters.allowed(table, filters.parse(text))


def test_blocks_without_declared_fields(tmp_path):
    table = example_passages.table(tmp_path, example_passages.passages(seed=0, num_docs=2))
    with pytest.raises(types.UserError, match=r"There are none: declare them in corpus\.metadata"):
        filters.allowed(table, filters.parse("lang=en"))


def test_only_the_columns_of_the_fields_are_read(table, monkeypatch):
    looked = []
    read = chunk_lib.Chunk.column
    monkeypatch.setattr(
        chunk_lib.Chunk, "column", lambda chunk, name: looked.append(name) or read(chunk, name)
    )
    filters.allowed(table, filters.parse("lang=en; year>2000"))
    assert looked == ["metadata.lang", "metadata.year"] * len(list(table.chunks()))
