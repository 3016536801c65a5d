# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Records of the original code as documents, so that they go the way of any corpus."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

from realm_tf import artifacts, types
from realm_tf.data.corpus import records as records_lib
from realm_tf.data.reference import formats as reference_formats
from realm_tf.data.reference import ready_blocks

_PARTS = ("ids_key", "sentences", "spans")  # of a record, besides its texts


def read(file: str, fmt: str) -> Iterator[types.Document | records_lib.Problem]:
    """Reads the ready blocks of a file as documents; their metadata tells what else a record holds.

    A damaged file gives what stands before the damage, and then a problem. Records are numbered
    from 0, as the vectors that were made of them.

    Args:
      file: Path of the file.
      fmt: Name of the format, one of `reference_formats.FORMATS`.
    """
    rows = reference_formats.read(reference_formats.companions(file, fmt))
    for number in itertools.count():
        try:
            where, serialized = next(rows)
            record = reference_formats.parse(fmt, where, number, serialized)
        except StopIteration:
            return
        except types.UserError as error:  # where the file cannot be read on, `rows` has ended
            yield records_lib.Problem(file, number, str(error))
            continue
        parts = {name: getattr(record, name) for name in _PARTS}
        name = ready_blocks.doc_id(record.title, record.text)
        metadata = artifacts.canonical_json(parts)
        yield types.Document(name, file, number, record.title, record.text, metadata)


def to_record(document: types.Document, row: int) -> reference_formats.ReferenceBlock:
    """The record that `read` made a document of.

    Args:
      document: A document.
      row: Number of the record in the whole corpus.
    """
    parts = json.loads(document.metadata)
    return reference_formats.ReferenceBlock(row, document.title, document.text, **parts)
