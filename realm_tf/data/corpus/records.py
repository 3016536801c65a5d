# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What workers read of a corpus, and what it gives: raw documents, dropped records, problems."""

from __future__ import annotations

from typing import NamedTuple


class Unit(NamedTuple):
    """What a worker reads of a corpus, from start to end, as records: a range of bytes of a file.

    Attributes:
      file: Path of the file of the corpus.
      byte_start: First byte of the range in the file; records that begin in the range are the
        unit's.
      byte_limit: One past the last byte of the range; -1 is the end of the file.
      root: The folder to which the ids of a tree of texts are relative.
    """

    file: str
    byte_start: int = 0
    byte_limit: int = -1
    root: str = ""


class Dropped(NamedTuple):
    """A record of a corpus that a rule leaves out, with the reason.

    Attributes:
      file: Path of the file of the corpus.
      number: Number of the record in its file.
      reason: "redirect", "disambiguation", "list", "namespace", "not_wikitext", "near_empty" or
        "no_text".
    """

    file: str
    number: int
    reason: str


class Problem(NamedTuple):
    """A record of a corpus that cannot be read, with an error message; problems sort by place.

    Attributes:
      file: Path of the file of the corpus.
      number: Number of the record in its file; 0 if it has none.
      message: One line for the user, which begins with the place of the record.
    """

    file: str
    number: int
    message: str


class RawDocument(NamedTuple):
    """A record of a corpus as a reader finds it, before rules and cleaning.

    Attributes:
      number: Number of the record in its file.
      doc_id: Id of the document; it is not empty.
      title: Title of the document, not cleaned.
      text: Text of the document, not cleaned.
      metadata: All other fields of the record, as JSON values.
    """

    number: int
    doc_id: str
    title: str
    text: str
    metadata: dict


def too_long(file: str, number: int, size: int, max_mb: int) -> Problem:
    """Makes the problem of a record that is longer than `corpus.max_record_mb` allows."""
    return Problem(
        file,
        number,
        f"a record of {size} bytes is longer than corpus.max_record_mb={max_mb} allows. Raise it if"
        " the record is meant to be so long.",
    )
