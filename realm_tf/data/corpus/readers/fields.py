# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Takes id, title, text and metadata out of the named fields of a record (JSON, CSV, Parquet)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from realm_tf import config as config_lib
from realm_tf.data.corpus import records
from realm_tf.text.inputs import json_objects, lines

_ID_FIELDS = ("id", "doc_id", "_id")


def raw_document(
    number: int, values: Mapping[str, Any], corpus_config: config_lib.CorpusConfig
) -> records.RawDocument:
    """Takes id, title and text out of the fields; everything else is metadata.

    Args:
      number: Number of the record in its file.
      values: Values of the record's fields by name.
      corpus_config: Configuration that names the fields of id, title and text.

    Raises:
      BadRecordError: If the id or the text is missing, or a value is of a wrong type.
    """
    rest = dict(values)
    id_field = find_id_field(values, corpus_config)
    if id_field is None:
        raise lines.BadRecordError(
            f'no "{corpus_config.id_field or _ID_FIELDS[0]}". {_held(values)} Every document needs'
            " an id of its own: name its field with corpus.id_field."
        )
    doc_id = _integer_as_text(rest.pop(id_field))
    if not isinstance(doc_id, str) or not doc_id:
        raise lines.BadRecordError(
            f'"{id_field}" must be a string that is not empty. Received:'
            f" {json_objects.short(doc_id)}."
        )
    title_field, text_field = corpus_config.title_field, corpus_config.text_field
    title = _integer_as_text(rest.pop(title_field, None))
    if not isinstance(title, str | None):
        raise lines.BadRecordError(
            f'"{title_field}" must be a string. Received: {json_objects.short(title)}.'
        )
    text = _paragraphs_as_text(rest.pop(text_field, None))
    if not isinstance(text, str):
        hint = "" if text_field in values else f" {_held(values)} Name it with corpus.text_field."
        raise lines.BadRecordError(
            f'"{text_field}" must be a string. Received: {json_objects.short(text)}.{hint}'
        )
    return records.RawDocument(number, doc_id, title or "", text, rest)


def find_id_field(names: Collection[str], corpus_config: config_lib.CorpusConfig) -> str | None:
    """The field among `names` that holds the ids of documents; None if none does."""
    valid = _ID_FIELDS if corpus_config.id_field is None else (corpus_config.id_field,)
    return next((name for name in valid if name in names), None)


def _integer_as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _paragraphs_as_text(value: Any) -> Any:
    """A list of paragraphs, as KILT's knowledge source has them, as one text."""
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        return value
    return "\n".join(part.removesuffix("\n") for part in value)


def _held(names: Collection[str]) -> str:
    held = ", ".join(map(str, names))
    return f"The record holds: {held[:200] or 'no field'}."
