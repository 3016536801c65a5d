# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Quotes that are none: no row is lost in another's cell, and every line is accounted for."""

import csv

import pytest

from realm_tf import types
from realm_tf.data.corpus import records
from tests.data.corpus.readers import reading


def write(path, head, rows, delimiter="\t") -> str:
    lines = [delimiter.join(cells) for cells in (head, *rows)]
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(path)


def towns(count) -> list[list[str]]:
    return [[str(i), f"Number {i} lies on a river", f"Town {i}"] for i in range(1, count + 1)]


HEAD = ["id", "text", "title"]


@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ","), ("a.tsv", "\t")])
@pytest.mark.parametrize("partner", [None, 31, 33, 60])
@pytest.mark.parametrize("column", [0, 1, 2])
def test_a_stray_quote_costs_its_own_row_alone(tmp_path, name, delimiter, partner, column):
    rows = towns(60)
    rows[29][column] = f'"{rows[29][column]}'
    if partner is not None:
        rows[partner - 1][1] += '"'
    path = write(tmp_path / name, HEAD, rows, delimiter)
    found = reading.read(path)
    problems = [f for f in found if isinstance(f, records.Problem)]
    assert [p.number for p in problems] == [31]
    assert "corpus.quotes=false" in problems[0].message
    assert "It took 2 lines; reading goes on at line 32." in problems[0].message
    expected = [str(i) for i in range(1, 61) if i != 30]
    assert [f.doc_id for f in found if isinstance(f, types.Document)] == expected
    if column:  # an id with a quote is another id
        plain = reading.read(path, quotes=False)
        assert [f.doc_id for f in plain] == [str(i) for i in range(1, 61)]
        assert '"' in plain[29][3 + (column == 1)]


def test_two_rows_that_a_pair_of_quotes_joins(tmp_path):
    rows = towns(4)
    rows[1][1], rows[2][1] = '"The first', 'The last"'
    path = write(tmp_path / "a.tsv", HEAD, rows)
    assert reading.summary(reading.read(path)) == ["1", 3, "3", "4"]
    joined = reading.read(path, quotes=True)
    assert reading.summary(joined) == ["1", "2", "4"]
    assert joined[1].text == "The first\tTown 2\n3\tThe last"


@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ","), ("a.tsv", "\t")])
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (1, 2, 0), (2, 1, 0)])
def test_cells_of_several_lines_are_read_as_they_were_written(tmp_path, name, delimiter, order):
    texts = [
        "He came, saw, and won.\nThen, as always, he left, and 3, 4, 5 others too.",
        "One\n\nTwo, three\n" + "\n".join(f"line {i}, of a list" for i in range(90)),
        'He said "no", "no".\n"Why", she said, "not?"',
        "Plain",
        '"A whole quotation"\nand more',
    ]
    rows = [[f"{i}", text, f"Title {i}"] for i, text in enumerate(texts)]
    path = tmp_path / name
    with open(path, "w", newline="") as f:
        writer = csv.writer(f, delimiter=delimiter, lineterminator="\n")
        writer.writerows([cells[i] for i in order] for cells in [HEAD, *rows])
    assert [f.text for f in reading.read(path)] == texts


def test_a_quote_that_no_line_closes(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('id,text\n1,a\n2,"b\nprose, and more\nmore prose\n')
    before, problem = reading.read(path)
    assert before.doc_id == "1"
    assert problem.message.startswith(f"{path}:3: a quote opens a cell and is not closed up to")
    assert "It took 3 lines, up to line 5." in problem.message


def test_a_cell_of_very_many_lines(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('id,text\n1,"' + "prose\n" * 1500 + '"\n2,b\n')
    first, *_, last = reading.read(path)
    assert first.message.startswith(f"{path}:2: a quote opens a cell of more than 1000 lines.")
    assert last.doc_id == "2"
    assert reading.summary(reading.read(path, quotes=True)) == ["1", "2"]


def test_an_open_cell_that_is_longer_than_a_record_may_be(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('id,text\n1,"' + ("x" * 99_999 + "\n") * 20 + "2,b\n")
    found = reading.read(path, max_record_mb=1)
    assert found[0].message.startswith(f"{path}:2: the row has more than 1 MB")
    assert reading.summary(found)[-1] == "2"
    path.write_text(f"id,text\n1,{'x' * 2_000_000}\n2,b\n")
    long, after = reading.read(path, max_record_mb=1)
    assert "the row has more than 1 MB (corpus.max_record_mb)" in long.message
    assert after.doc_id == "2"


def test_damage_behind_an_open_quote_loses_no_other_row(tmp_path):
    path = tmp_path / "a.tsv.gz"
    path.write_bytes(reading.cut_gzip('id\ttext\n1\ta\n2\t"b\n' + "3\tc\n" * 9999))
    found = reading.read(path)
    assert reading.summary(found[:3]) == ["1", 3, "3"]
    assert "cut off" in found[-1].message


def test_quotes_as_text(tmp_path):
    rows = [["1", '"Weird" Al', '"Al"'], ["2", 'a "b" c', 'x"'], ["3", "a\rb", ""]]
    path = write(tmp_path / "a.tsv", HEAD, rows)
    found = reading.read(path, quotes=False)
    assert [(f.text, f.title) for f in found] == [
        ('"Weird" Al', '"Al"'),
        ('a "b" c', 'x"'),
        ("a\nb", ""),
    ]


def test_a_long_row_of_too_few_cells_gives_its_lines_back(tmp_path):
    rows = towns(4)
    rows[1][0], rows[2][1] = '"2', 'The last"'
    path = write(tmp_path / "a.csv", HEAD, rows, ",")
    found = reading.read(path, quotes=True)
    assert reading.summary(found) == ["1", 3, "3", "4"]
    assert (
        "2 cells, but the header has 3. It took 2 lines; reading goes on at line 4."
        in found[1].message
    )
