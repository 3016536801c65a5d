# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Takes the marks of bold and italics out of wikitext, and leaves the apostrophes.

Two apostrophes are italics, three bold and five both; which ones of a longer run, or in a line with
an odd one, are text is MediaWiki's own rule (`Parser::doQuotes`), by which `''Titan'''s` shows
"Titan's". It does nothing where two such slips in one line make the numbers even; there a bold
mark inside a word is an apostrophe and italics if all marks have their partners only so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

_RUN = re.compile("('{2,})")
_ITALICS, _BOLD, _BOTH = 2, 3, 5
# What is open before a mark, the innermost last, and behind it; "*" is both, opened by one mark.
_NEXT = {
    ("", _ITALICS): "i",
    ("", _BOLD): "b",
    ("", _BOTH): "*",
    ("i", _ITALICS): "",
    ("i", _BOLD): "ib",
    ("i", _BOTH): "b",
    ("b", _ITALICS): "bi",
    ("b", _BOLD): "",
    ("b", _BOTH): "i",
    ("ib", _BOLD): "i",
    ("ib", _BOTH): "",
    ("bi", _ITALICS): "b",
    ("bi", _BOTH): "",
    ("*", _ITALICS): "b",
    ("*", _BOLD): "i",
    ("*", _BOTH): "",
}


def remove(text: str) -> str:
    """The text without marks of bold and italics, which end with their line."""
    if "''" not in text:
        return text
    return "\n".join(map(_of_line, text.split("\n")))


def _of_line(line: str) -> str:
    parts = _RUN.split(line)  # text, run, text, ..., text
    texts, sizes = parts[::2], [len(run) for run in parts[1::2]]
    for place, size in enumerate(sizes):
        extra = 1 if size == 4 else max(0, size - _BOTH)
        texts[place] += "'" * extra
        sizes[place] = size - extra
    bold, italics = (sum(size in (own, _BOTH) for size in sizes) for own in (_BOLD, _ITALICS))
    alone = [place for place, size in enumerate(sizes) if size == _BOLD]
    if alone and bold % 2 and italics % 2:
        place = min(alone, key=lambda place: _rank(texts[place]))
        texts[place] += "'"
        sizes[place] = _ITALICS
    for place in _inside_words(texts, sizes):
        texts[place] += "'"
    return "".join(texts)


def _rank(before: str) -> int:
    """The order in which marks are taken: after a word of one letter, of more, after a blank."""
    if before.endswith(" "):
        return 2
    return 0 if before[-2:-1] == " " else 1


def _inside_words(texts: Sequence[str], sizes: Sequence[int]) -> Iterator[int]:
    """The fewest bold marks that must be an apostrophe and italics for all to have partners."""
    # By what is open: their number, the last one, and the same of those before it.
    ways: dict[str, tuple[Any, ...]] = {"": (0,)}
    for place, size in enumerate(sizes):
        is_inside = texts[place][-1:].isalpha() and texts[place + 1][:1].isalpha()
        found: dict[str, tuple[Any, ...]] = {}
        for opened, taken in ways.items():
            readings = [(size, taken)]
            if size == _BOLD and is_inside:
                readings.append((_ITALICS, (taken[0] + 1, place, taken)))
            for reading, way in readings:
                behind = _NEXT.get((opened, reading))
                if behind is not None:
                    found[behind] = min(found.get(behind, way), way, key=lambda w: w[0])
        ways = found
    way = ways.get("", (0,))
    while way[0]:
        _, place, way = way
        yield place
