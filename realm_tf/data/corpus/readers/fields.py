# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Takes id, title, text and metadata out of the named fields of a record (JSON, CSV, Parquet)."""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Mapping
from typing import Any

from realm_tf import config as config_lib
from realm_tf.data.corpus import records

_ID_FIELDS = ("id", "doc_id")


class FieldError(ValueError):
    """A record whose fields do not make a document; the message does not name its place yet."""


def raw_document(
    number: int, values: Mapping[str, Any], corpus_config: config_lib.CorpusConfig
) -> records.RawDocument:
    """Takes id, title and text out of the fields; everything else is metadata.

    Args:
      number: Number of the record in its file.
      values: Values of the record's fields by name.
      corpus_config: Configuration that names the fields of id, title and text.

    Raises:
      FieldError: If the id or the text is missing, or a value is of a wrong type.
    """
    rest = dict(values)
    doc_id = _take_id(rest, corpus_config.id_field)
    title_field, text_field = corpus_config.title_field, corpus_config.text_field
    title = rest.pop(title_field, None)
    if not isinstance(title, str | None):
        raise FieldError(f'"{title_field}" must be a string. Received: {short(title)}.')
    text = rest.pop(text_field, None)
    if not isinstance(text, str):
        held = ", ".join(values) or "no field"
        hint = "" if text_field in values else f" The record holds: {held}."
        raise FieldError(f'"{text_field}" must be a string. Received: {short(text)}.{hint}')
    return records.RawDocument(number, doc_id, title or "", text, rest)


def plain(value: Any) -> Any:
    """A value of a table as a JSON value: times as ISO 8601, decimals as text, NaN as null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal | datetime.timedelta):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value


def short(value: Any) -> str:
    """A value as text, shortened so that it fits in an error message."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _take_id(values: dict[str, Any], field: str | None) -> str:
    names = _ID_FIELDS if field is None else (field,)
    key = next((name for name in names if name in values), None)
    if key is None:
        raise FieldError(f'no "{names[0]}". Every document needs an id of its own.')
    value = values.pop(key)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value:
        raise FieldError(f'"{key}" must be a string that is not empty. Received: {short(value)}.')
    return value
