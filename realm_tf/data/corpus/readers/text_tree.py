# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads documents from a folder tree of plain text files: each file is a document."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from realm_tf import config as config_lib
from realm_tf.data.corpus import records
from realm_tf.text.inputs import lines, streams

_COMPRESSION = re.compile(r"\.(gz|bz2)$")


def read(
    unit: records.Unit, corpus_config: config_lib.CorpusConfig
) -> Iterator[records.RawDocument | records.Problem]:
    """Reads a text file as a document: its id is its path below the root, its title its bare name.

    Raises:
      UserError: If the file is missing.
      streams.DamagedError: If it cannot be decompressed: half a document is none.
    """
    held, size = b"", 0
    for chunk in streams.chunks(unit.file):
        size += len(chunk)
        held = held + chunk if size <= corpus_config.max_record_bytes else b""
    if size > corpus_config.max_record_bytes:
        yield records.too_long(unit.file, 0, size, corpus_config.max_record_mb)
        return
    try:
        text = lines.decode(held).removeprefix("\ufeff")
    except lines.BadRecordError as error:
        yield records.Problem(unit.file, 0, str(error))
        return
    name = unit.file.removeprefix(unit.root).lstrip("/") if unit.root else unit.file
    title = posixpath.splitext(posixpath.basename(_COMPRESSION.sub("", name)))[0]
    yield records.RawDocument(0, name, title, text, {})
