# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads documents from JSON Lines files: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn

from realm_tf import artifacts
from realm_tf import config as config_lib
from realm_tf.data.corpus import records
from realm_tf.data.corpus.readers import fields, files


def read(
    unit: records.Unit, corpus_config: config_lib.CorpusConfig
) -> Iterator[records.RawDocument | records.Problem]:
    """Reads the documents of a JSON Lines file, blank lines left out; `number` is the line, from 1.

    Raises:
      UserError: If the file is missing.
      files.DamagedError: After the lines before the damage.
    """
    for line in files.lines(unit.file, corpus_config.max_record_bytes):
        if line.is_too_long:
            yield records.too_long(unit.file, line.number, line.size, corpus_config.max_record_mb)
        elif line.text.strip():
            try:
                yield fields.raw_document(line.number, parse(line.text), corpus_config)
            except fields.FieldError as error:
                yield records.Problem(unit.file, line.number, str(error))


def parse(line: bytes) -> dict[str, Any]:
    """Parses a line that holds a JSON object.

    Raises:
      FieldError: If it is none, or holds what is no Unicode text.
    """
    try:
        record = json.loads(line.decode("utf-8"), parse_constant=_refuse_constant)
        if b"\\ud" in line.lower():  # an escaped half of a surrogate pair is no character
            artifacts.canonical_json(record).encode("utf-8")
    except UnicodeDecodeError as error:
        raise fields.FieldError(f"not UTF-8: {error}.") from error
    except UnicodeEncodeError as error:
        raise fields.FieldError(f"not valid Unicode: {error}.") from error
    except (ValueError, RecursionError) as error:
        raise fields.FieldError(f"invalid JSON: {error}.") from error
    if not isinstance(record, dict):
        raise fields.FieldError(f"a JSON object is needed. Received: {fields.short(record)}.")
    return record


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
