# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What reading a corpus gives: documents, records left out by rule, and records in error."""

from __future__ import annotations

from typing import NamedTuple


class Unit(NamedTuple):
    """A part of a corpus that one worker reads from start to end.

    Attributes:
      file: Of the corpus.
      byte_start: The unit's records are those that begin at this byte of the file or behind it,
      byte_limit: and before this one; -1 is the end of the file.
      root: The folder that ids of a tree of texts are relative to.
    """

    file: str
    byte_start: int = 0
    byte_limit: int = -1
    root: str = ""


class Dropped(NamedTuple):
    """A record that a rule leaves out.

    Attributes:
      file: Of the corpus.
      number: Of the record in its file.
      reason: "redirect", "disambiguation", "list", "namespace", "not_wikitext", "near_empty" or
        "no_text".
    """

    file: str
    number: int
    reason: str


class Problem(NamedTuple):
    """A record that cannot be read; problems sort by place.

    Attributes:
      file: Of the corpus.
      number: Of the record in its file; 0 if it has none.
      message: One line that begins with the place.
    """

    file: str
    number: int
    message: str


class RawDocument(NamedTuple):
    """A record of a corpus as a reader finds it, before rules and cleaning.

    Attributes:
      number: Of the record in its file.
      doc_id: Not empty.
      title: As it is.
      text: As it is.
      metadata: The rest of it, as JSON values.
    """

    number: int
    doc_id: str
    title: str
    text: str
    metadata: dict


def too_long(file: str, number: int, size: int, max_mb: int) -> Problem:
    """The problem of a record that is longer than the option allows."""
    return Problem(
        file,
        number,
        f"a record of {size} bytes is longer than corpus.max_record_mb={max_mb} allows. Raise it if"
        " the record is meant to be so long.",
    )
