# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Every line of a text corpus is in a document, in a record that is dropped, or in a bad one.

Every line of a file gets a word of its own, and records are spoiled as people's files are: stray
quotes, cut records, odd bytes, odd line ends. What is found must hold each word once, in the record
that its line belongs to; and what was not spoiled must be a document.
"""

import dataclasses
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realm_tf import types
from realm_tf.data.corpus import records
from tests.data.corpus.readers import reading

WORD = re.compile(r"word(\d+)x")
SPOILERS = {
    "none": lambda line: line,
    "opening": lambda line: re.sub(r"\bThe", '"The', line, count=1),
    "closing": lambda line: line.replace("river", 'river"', 1),
    "inner": lambda line: line.replace("on a", 'on "a" b', 1),
    "cut": lambda line: line[: len(line) // 2],
    "open and cut": lambda line: re.sub(r"\bThe", '"The', line, count=1)[: len(line) * 2 // 3],
    "byte": lambda line: line.replace("river", "r\udce9ver", 1),
    "emoji and byte": lambda line: line.replace("river", "\U0001f600 r\udce9ver", 1),
    "return": lambda line: line.replace("lies on", "lies\ron", 1),
    "nul": lambda line: line.replace("lies on", "lies\0on", 1),
}
HARMLESS = {"none", "nul"}


@dataclasses.dataclass
class Made:
    """The lines of a file, and which of them were not spoiled."""

    lines: list[str] = dataclasses.field(default_factory=list)
    whole: set[int] = dataclasses.field(default_factory=set)

    def add(self, spoiler: str, *texts: str) -> None:
        first = len(self.lines) + 1
        for offset, text in enumerate(texts):
            line = text.replace("WORD", f"word{first + offset}x")
            self.lines.append(SPOILERS[spoiler](line) if offset == 0 else line)
        if spoiler in HARMLESS or self.lines[first - 1] == texts[0].replace(
            "WORD", f"word{first}x"
        ):
            self.whole.add(first)


def make_table(spoilers: list[str], delimiter: str, quoted: bool) -> Made:
    made = Made()
    made.add("none", delimiter.join(("id", "text", "title WORD")).replace(" WORD", ""))
    made.whole.clear()
    for number, spoiler in enumerate(spoilers):
        text = "The WORD lies on a river"
        if quoted and number % 3 == 0:  # a cell of two lines, as a spreadsheet writes it
            first, second = f'"{text}', f'and more WORD prose, "" so"{delimiter}T{number}'
            made.add("none", f"{number}{delimiter}{first}", second)
        else:
            made.add(spoiler, delimiter.join((str(number), text, f"T{number}")))
    return made


def make_jsonl(spoilers: list[str]) -> Made:
    made = Made()
    for number, spoiler in enumerate(spoilers):
        text = json.dumps({"id": f"{number}", "text": "The WORD lies on a river"})
        made.add(spoiler, text)
        if spoiler == "nul":  # a control character is no JSON
            made.whole.discard(len(made.lines))
    return made


def make_wiki(spoilers: list[str]) -> Made:
    made = Made()
    for number, spoiler in enumerate(spoilers):
        head = f'<doc id="{number}" url="u" title="The "WORD" lies > on a river">'
        made.add("cut" if spoiler == "cut" else "none", head, "A WORD of prose", "", "B WORD")
        end = "" if "open" in spoiler else "</doc>"
        if end != "</doc>":
            made.whole.discard(len(made.lines) - 3)
        made.lines.append(end)
    made.lines.append('<doc id="last" title="">')
    made.lines.append("</doc>")
    return made


MAKERS = {
    "csv": ("a.csv", lambda spoilers: make_table(spoilers, ",", quoted=False)),
    "csv with long cells": ("a.csv", lambda spoilers: make_table(spoilers, ",", quoted=True)),
    "tsv": ("a.tsv", lambda spoilers: make_table(spoilers, "\t", quoted=False)),
    "tsv with long cells": ("a.tsv", lambda spoilers: make_table(spoilers, "\t", quoted=True)),
    "jsonl": ("a.jsonl", make_jsonl),
    "wikiextractor": ("wiki_00", make_wiki),
}


def words(document: types.Document) -> list[int]:
    everything = f"{document.doc_id} {document.title} {document.text} {document.metadata}"
    return [int(number) for number in WORD.findall(everything)]


@pytest.mark.parametrize("kind", MAKERS)
@given(
    spoilers=st.lists(st.sampled_from([*SPOILERS, "none", "none"]), max_size=12),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    has_last_end=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_every_line_is_accounted_for(tmp_path_factory, kind, spoilers, end, has_last_end):
    if end == "\r":  # there a carriage return ends a line, which this does not count
        spoilers = [spoiler for spoiler in spoilers if spoiler != "return"]
    name, make = MAKERS[kind]
    made = make(spoilers)
    path = tmp_path_factory.mktemp("lines") / name
    text = end.join(made.lines) + (end if has_last_end else "")
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    found = reading.read(path, min_words=0)
    documents = [f for f in found if isinstance(f, types.Document)]
    starts = [f.number for f in found]
    assert starts == sorted(set(starts))
    limits = [*starts, len(made.lines) + 1][1:]
    for record, start, limit in zip(found, starts, limits, strict=True):
        own = [n for n in range(start, limit) if f"word{n}x" in made.lines[n - 1]]
        if isinstance(record, types.Document):
            assert sorted(set(words(record))) == own  # all of its lines, and no other's
        elif not isinstance(record, records.Dropped):
            assert not made.whole & set(range(start + 1, limit))  # no good record is lost in it
    assert made.whole <= {document.number for document in documents}
