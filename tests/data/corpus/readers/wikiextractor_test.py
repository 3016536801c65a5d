# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Both forms of WikiExtractor's output, its rules, and its leftovers."""

import json

import pytest

from tests.data.corpus.readers import reading

LONG = "A town with twenty words or more in its article, as this rather long sentence shows. "
LONG += "It has four gates. "


def write_json(path, pages) -> str:
    rows = [{"id": i, "url": "u", "title": t, "text": x} for i, t, x in pages]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def write_tagged(path, pages) -> str:
    body = [f'<doc id="{i}" url="u" title="{t}">\n{t}\n\n{x}\n</doc>\n' for i, t, x in pages]
    path.write_text("".join(body))
    return str(path)


PAGES = [
    ("1", "Rome", LONG + "Rome ( ; &quot;Roma&quot;) is old , very.\n* [[An item|item]]\n| x = 1"),
    ("2", "List of towns", LONG),
    ("3", "Mars (disambiguation)", LONG),
    ("4", "Ares", "Ares may also refer to:\n" + LONG),
    ("5", "Stub", "Short."),
]


@pytest.mark.parametrize("write", [write_json, write_tagged])
def test_both_forms_give_the_same(tmp_path, write):
    path = write(tmp_path / "wiki_00", PAGES)
    found = reading.read(path)
    assert reading.summary(found) == ["1", "list", "disambiguation", "disambiguation", "near_empty"]
    assert found[0].title == "Rome"
    assert found[0].text == LONG + 'Rome ("Roma") is old, very.\nitem'
    assert json.loads(found[0].metadata) == {"url": "u"}


def test_rules_by_option(tmp_path):
    path = write_json(tmp_path / "wiki_00", PAGES)
    options = {"drop_lists": False, "drop_disambiguation": False, "min_words": 0}
    found = reading.read(path, drop_empty_brackets=False, **options)
    assert reading.summary(found) == ["1", "2", "3", "4", "5"]
    assert "Rome ( ; " in found[0].text


def test_what_is_no_page_is_named(tmp_path):
    path = tmp_path / "wiki_00"
    write_tagged(path, [("1", "A", LONG), ("", "B", LONG)])
    path.write_text(path.read_text() + "stray\n" + '<doc id="3" title="C">\n' + LONG)
    one, no_id, stray, cut = reading.read(path)
    assert one.doc_id == "1"
    assert (no_id.number, stray.number) == (6, 11)
    assert "not empty" in no_id.message
    assert "text between two pages" in stray.message
    assert "the page of line 12 has no </doc>" in cut.message
    path.write_text('<doc id="1" title="A">\n' + "x\n" * 600_000 + "</doc>\n")
    (long,) = reading.read(path, max_record_mb=1)
    assert long.message.startswith(f"{path}:1: a record of 1200000 bytes")


@pytest.mark.parametrize(
    "title",
    [
        '"Big" Ann',
        'The "Old" Mill',
        'Rise of "X"',
        '"Quoted"',
        "Less > More",
        'a="b" > c',
        "<doc> & tags >",
        "it's",
        "",
    ],
)
@pytest.mark.parametrize("more", ["", ' revid="7"'])
def test_titles_are_not_escaped(tmp_path, title, more):
    path = tmp_path / "wiki_00"
    head = f'<doc id="5"{more} url="https://x.org/wiki?curid=5" title="{title}">'
    last = f'<doc title="{title}" id="6" url="v">'
    path.write_text(f"{head}\n{title}\n\n{LONG}\n</doc>\n{last}\n{LONG}\n</doc>\n")
    one, two = reading.read(path, unicode_form="none")
    assert [(d.doc_id, d.title) for d in (one, two)] == [("5", title), ("6", title)]
    assert one.text == LONG.strip()
    assert json.loads(two.metadata) == {"url": "v"}


def test_a_page_without_its_end_takes_no_other_page(tmp_path):
    path = tmp_path / "wiki_00"
    write_tagged(path, [(str(n), f"Town {n}", LONG) for n in range(4)])
    path.write_text(path.read_text().replace("</doc>\n", "", 1))
    found = reading.read(path)
    assert reading.summary(found) == [1, "1", "2", "3"]
    assert found[0].message == f"{path}:1: the page has no </doc>."


def test_bytes_that_are_not_utf8_in_a_title(tmp_path):
    path = tmp_path / "wiki_00"
    write_tagged(path, [("1", "Caf?", LONG), ("2", "B", LONG)])
    path.write_bytes(path.read_bytes().replace(b'"Caf?"', b'"Caf\xe9"'))
    problem, good = reading.read(path)
    assert problem.message.startswith(f"{path}:1: not UTF-8")
    assert good.doc_id == "2"


def test_empty_file_has_nothing(tmp_path):
    (tmp_path / "wiki_00").write_text("\n")
    assert reading.read(tmp_path / "wiki_00") == []
