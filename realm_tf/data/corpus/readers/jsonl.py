# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads documents from JSON Lines files: one JSON object a line."""

from __future__ import annotations

from collections.abc import Iterator

from realm_tf import config as config_lib
from realm_tf.data.corpus import records
from realm_tf.data.corpus.readers import fields
from realm_tf.text.inputs import json_objects, lines

_FORMAT_HINT = " --format says what a corpus's files are, if they are not JSON Lines."


def read(
    unit: records.Unit, corpus_config: config_lib.CorpusConfig
) -> Iterator[records.RawDocument | records.Problem]:
    """Reads the documents of a JSON Lines file, blank lines left out; `number` is the line, from 1.

    Raises:
      UserError: If the file is missing.
      streams.DamagedError: After the lines before the damage.
    """
    for line in lines.lines(unit.file, corpus_config.max_record_bytes):
        if line.is_too_long:
            yield records.too_long(unit.file, line.number, line.size, corpus_config.max_record_mb)
        elif line.text.strip():
            try:
                values = json_objects.parse(line.text)
                yield fields.raw_document(line.number, values, corpus_config)
            except lines.BadRecordError as error:
                hint = "" if line.text.lstrip().startswith(b"{") else _FORMAT_HINT
                yield records.Problem(unit.file, line.number, f"{error}{hint}")
