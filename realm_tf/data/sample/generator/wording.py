# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Puts facts into words: fills the placeholders of a wording with the cells of a row."""

import re
from collections.abc import Sequence

from realm_tf.data.sample.generator import facts

_PLACEHOLDER = re.compile(r"\{([a-z_]+)(?:\.([a-z_]+))?\}")
_QUALIFIER = re.compile(r" \([^()]*\)$")


def display(title: str) -> str:
    """The title as it is written in sentences: "Niger (river)" is "Niger"."""
    return _QUALIFIER.sub("", title)


def mention(title: str, tables: facts.Tables) -> str:
    """How a wording mentions an article: by its displayed title, with "the" if it takes one."""
    return ("the " if tables.takes_the(title) else "") + display(title)


def fill(
    wording: str, row: facts.Row, tables: facts.Tables, *, values: Sequence[str] = ()
) -> str | None:
    """Fills a wording's placeholders.

    Args:
        wording: text with `{name}`, `{value}`, `{column}`, or `{column.column}` for a cell of the
            article that the first column names.
        row: the row whose cells are meant.
        tables: all tables.
        values: what `{value}` stands for.

    Returns:
        The sentence, or None if a cell that it needs is empty.
    """
    sentence, end = "", 0
    for match in _PLACEHOLDER.finditer(wording):
        titles = values if match[1] == "value" else row.cells.get(match[1], ())
        if match[2]:
            linked = tables.rows.get(titles[0]) if titles else None
            titles = linked.cells.get(match[2], ()) if linked else ()
        if not titles:
            return None
        sentence += wording[end : match.start()]
        has_the = sentence.lower().endswith("the ")
        sentence += _join([display(t) if has_the else mention(t, tables) for t in titles])
        end = match.end()
    sentence += wording[end:]
    return sentence[0].upper() + sentence[1:]


def _join(names: Sequence[str]) -> str:
    """Lists names as "A", "A and B" or "A, B and C"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def choose(
    wordings: Sequence[str],
    row: facts.Row,
    tables: facts.Tables,
    *,
    rank: int,
    values: Sequence[str] = (),
) -> tuple[int, str]:
    """The next usable wording, counted from `rank`, so that a relation uses all of its wordings.

    Returns:
        (index of the wording, sentence).

    Raises:
        facts.FactsError: every wording needs a cell that is empty.
    """
    for step in range(len(wordings)):
        index = (rank + step) % len(wordings)
        sentence = fill(wordings[index], row, tables, values=values)
        if sentence is not None:
            return index, sentence
    raise facts.FactsError(
        f"{row.kind}.yaml: no wording can be filled for {row.name!r}; "
        f"add one that needs no optional column. Received: {list(wordings)}"
    )
