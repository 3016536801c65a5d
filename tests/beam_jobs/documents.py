# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A small corpus of documents as JSON Lines, and a vocabulary that knows it."""

import json
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

from realm_tf.text import vocabulary
from tests.text import vocabularies

SENTENCES = (
    "The city of Warsaw was new in May 1916.",
    "Louis was born in New York.",
    "In 1871 the University of Chicago was in the war.",
    "It was a river.",
)


def records(count: int = 40) -> list[dict[str, Any]]:
    """Documents of 1 to 9 sentences; one of them has no text."""
    made = []
    for number in range(count):
        text = " ".join(SENTENCES[(number + i) % 4] for i in range(number % 9 + 1))
        made.append({"id": f"doc-{number}", "title": f"City {number}", "text": text, "n": number})
    made[-1]["text"] = " "
    return made


def write(path: pathlib.Path, made: Iterable[Mapping[str, Any] | str]) -> str:
    """Writes documents, or lines as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [r if isinstance(r, str) else json.dumps(r) for r in made]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


def write_vocab(root: pathlib.Path) -> str:
    """Writes the "vocab" segment; returns its path."""
    return vocabulary.write_segment(str(root), vocabularies.small(), lower_case=True).path
