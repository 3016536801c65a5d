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
        (b'2,"a"b\n', "not a row of a table: ',' expected after '\"'."),
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


@pytest.mark.parametrize("end", ["", "x" * 3_000_000])
def test_quote_that_never_closes_stops_the_file_with_its_line(tmp_path, end):
    path = tmp_path / "a.csv"
    path.write_text('id,text\n1,a\n2,"b\n3,c\n' + end)
    before, problem = reading.read(path, max_record_mb=1)
    assert before.doc_id == "1"
    assert f"{path}:3" in problem.message or "line 3" in problem.message


def test_fields_longer_than_the_csv_modules_own_limit(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"id,text\n1,{'x' * 1_000_000}\n")
    assert [len(d.text) for d in reading.read(path)] == [1_000_000]


@pytest.mark.parametrize("head", ["id,text,id\n", 'id,"te"xt\n'])
def test_bad_header_is_a_problem_of_the_whole_file(tmp_path, head):
    path = tmp_path / "a.csv"
    path.write_text(head + "1,a,2\n")
    first, second = reading.read(path)
    assert first.message.startswith(f"{path}:1: ")
    assert "must be a header" in second.message


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
