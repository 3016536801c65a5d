# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""CSV and TSV: rows by line, and what is no table."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realm_tf import types
from realm_tf.data.corpus import records
from tests.data.corpus.readers import reading


def test_rows_are_documents_by_their_header(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('id,text,title,url\n1,"two\nlines, ""quoted""",Eins,u\n\n2,zwei,,\n')
    one, two = reading.read(path)
    assert one == types.Document("1", str(path), 2, "Eins", 'two\nlines, "quoted"', '{"url":"u"}')
    assert (two.doc_id, two.number, two.title, two.text) == ("2", 5, "", "zwei")


def test_tabs(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("id\ttext\ttitle\n1\ta, b\tEins\n")
    assert [d[3:5] for d in reading.read(path)] == [("Eins", "a, b")]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b"2,a,b,c\n", "4 cells, but the header has 2."),
        (b"2\n", "1 cells, but the header has 2."),
        (b"2,\xff\n", "not UTF-8."),
        (b",a\n", '"id" must be a string that is not empty'),
        (b'2,"a"b\n', "not a row of a table: text stands behind a closing quote."),
        (b"2,a\rb\n", "a carriage return stands in a cell that is not quoted."),
    ],
)
def test_bad_row_is_named_and_the_next_ones_are_read(tmp_path, row, message):
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,text\n1,a\n" + row + b"3,c\n")
    before, problem, after = reading.read(path)
    assert (before.doc_id, after.doc_id, after.number) == ("1", "3", 4)
    assert problem.number == 3
    assert problem.message.startswith(f"{path}:3: ")
    assert message in problem.message


def test_fields_longer_than_the_csv_modules_own_limit(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"id,text\n1,{'x' * 1_000_000}\n")
    assert [len(d.text) for d in reading.read(path)] == [1_000_000]


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("id,text,id", "the header names 'id' twice"),
        ('id,"te"xt', "text stands behind a closing quote"),
        ('id,"text', "not closed up to the end of the file. It took 3 lines; reading goes on"),
        ("id;title;text", "divided by semicolons"),
        ("id\ttext", "divided by tabs"),
        ("7,Some words", "Received: '7' | 'Some words'"),
        ("key,text", '"id" (or what corpus.id_field says)'),
        ("id,body", '"text" (corpus.text_field)'),
    ],
)
def test_without_a_good_header_no_row_is_read_and_each_is_counted(tmp_path, head, message):
    path = tmp_path / "a.csv"
    path.write_text(head + "\n1,a,2\n2,b,3\n")
    first, *others = reading.read(path)
    assert first.message.startswith(f"{path}:1: ")
    assert message in first.message
    assert [other.number for other in others] == [2, 3]
    assert "the header in line 1 cannot be used" in others[0].message


@pytest.mark.parametrize("cell", ["caf\u00e9 \U0001f600", "\uff01\u00e9", "\u00e9"])
@pytest.mark.parametrize("column", range(4))
def test_bytes_that_are_not_utf8_in_any_cell(tmp_path, cell, column):
    row = [b"x", b"t", b"b", b"n"]
    row[column] = cell.encode().replace("\u00e9".encode(), b"\xe9")
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,title,text,note\n" + b",".join(row) + b"\ny,t,b,n\n")
    problem, good = reading.read(path)
    assert problem.message == f"{path}:2: not UTF-8."
    assert good.doc_id == "y"


cell = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1).map(str.strip)


@given(rows=st.lists(st.tuples(cell.filter(bool), cell.filter(bool)), max_size=9))
def test_what_the_csv_module_writes_is_read(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    with open(path, "w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([("id", "text"), *rows])
    found = reading.read(path, unicode_form="none")
    assert [f.doc_id for f in found if isinstance(f, types.Document)] == [
        row[0] for row, f in zip(rows, found, strict=True) if not isinstance(f, records.Dropped)
    ]
    assert not [f for f in found if isinstance(f, records.Problem)]
