# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The formats that a corpus may have: JSON Lines, and those of the original code."""

from __future__ import annotations

from collections.abc import Iterator

from realm_tf import types
from realm_tf.data import corpus, reference_formats

JSONL = "jsonl"
# Formats that give blocks; the others give passages.
BLOCK_FORMATS = (JSONL, *reference_formats.BLOCK_FORMATS)
FORMATS = (JSONL, *reference_formats.FORMATS)


def check(pattern: str, fmt: str, valid: tuple[str, ...] = FORMATS) -> None:
    """Checks that the files of a corpus are there, without reading them.

    Raises:
      UserError: If they are not, or the format is not among `valid`.
    """
    if fmt not in valid:
        raise types.UserError(f"The format must be {', '.join(valid)}. Received: {fmt!r}.")
    if fmt == JSONL:
        corpus.expand(pattern)
    else:
        reference_formats.expand(pattern, fmt)


def fingerprint(pattern: str, fmt: str) -> str:
    """Hash of the contents of a corpus's files."""
    if fmt == JSONL:
        return corpus.fingerprint(pattern)
    return reference_formats.fingerprint(reference_formats.expand(pattern, fmt))


def texts(pattern: str, fmt: str) -> Iterator[str]:
    """Title and text of every document or record, to learn a vocabulary from.

    Raises:
      UserError: If one cannot be read, with file and line or record.
    """
    if fmt == JSONL:
        for document in corpus.read(pattern):
            yield f"{document.title} {document.text}"
        return
    for source in reference_formats.locate(reference_formats.expand(pattern, fmt)):
        for where, row, serialized in reference_formats.read(source):
            record = reference_formats.parse(fmt, where, row, serialized)
            yield f"{record.title} {record.text}"
