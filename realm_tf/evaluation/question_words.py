# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The word that an English question asks with, so that scores can be told apart by it."""

from __future__ import annotations

import re
from collections.abc import Sequence

OTHER = "other"

# Of expressions that begin at the same place the first of the table counts.
_TABLE = (
    ("who", r"who|whom|whose"),
    ("when", r"when|(?:what|which) (?:year|date|day|month|decade|century)"),
    ("where", r"where"),
    ("how many", r"how (?:many|much)"),
    ("how", r"how"),
    ("why", r"why"),
    ("which", r"which"),
    ("what", r"what"),
)
WORDS = (*(word for word, _ in _TABLE), OTHER)

_ANY = re.compile(r"\b(?:" + "|".join(f"({pattern})" for _, pattern in _TABLE) + r")\b", re.I)


def of(question: str) -> str:
    """The question word of a question: one of `WORDS`.

    It is the first that the question holds, wherever it stands: "In which year ..." asks when.
    Questions without any, and those in other languages, are `OTHER`.
    """
    found = _ANY.search(question)
    return OTHER if found is None or found.lastindex is None else _TABLE[found.lastindex - 1][0]


def group(questions: Sequence[str]) -> dict[str, list[int]]:
    """The places of questions by their word, in the order of `WORDS`, without words of none."""
    found = [of(question) for question in questions]
    places = {word: [i for i, other in enumerate(found) if other == word] for word in WORDS}
    return {word: here for word, here in places.items() if here}
