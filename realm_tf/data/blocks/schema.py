# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The Arrow columns of blocks and of their spans, and the conversion of objects into columns.

| column of blocks | Arrow type | what it holds |
|---|---|---|
| `block_id` | uint64 | stable id |
| `doc_id` | string | id of the document |
| `doc_key` | uint64 | `keys.doc_key` of `doc_id` |
| `title`, `text` | string | title of the document, text of the block |
| `metadata` | string | metadata of the document, as JSON |
| `doc_byte_start` | int64 | first byte of the block in the text of its document |
| `title_ids`, `token_ids` | list of token type | wordpieces of title and text, no special ones |
| `token_byte_start`, `token_byte_limit` | list of byte type | bytes of every wordpiece in `text` |
| `sentence_byte_start`, `sentence_byte_limit` | list of byte type | bytes of every sentence |
| `duplicate_of` | uint64 | id of the first block with the same text; 0 if there is none |
| `metadata.<field>` | type of the field | value of a declared field, or null; see `data.metadata` |

| column of spans | Arrow type | what it holds |
|---|---|---|
| `span_byte_start`, `span_byte_limit` | list of byte type | bytes of every span in `text` |
| `span_token_start`, `span_token_limit` | list of uint16 | its wordpieces in `token_ids` |
| `span_label` | list of dictionary of string | "NAME", "DATE", ... |

The token type is uint16, or uint32 for vocabularies of more than 65,536 wordpieces. The byte type
is the smallest unsigned type that holds every place of the segment.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from realm_tf import types
from realm_tf.data import metadata
from realm_tf.data.blocks import keys

BLOCKS = "blocks"
SPANS = "spans"

_TOKENS = ("title_ids", "token_ids")
_BYTES = ("token_byte_start", "token_byte_limit", "sentence_byte_start", "sentence_byte_limit")
# Columns that `types.Block` has: numbers, texts, and lists of numbers.
SCALARS = ("block_id", "doc_byte_start")
TEXTS = ("doc_id", "title", "text", "metadata")
LISTS = (*_TOKENS, *_BYTES)
_SPAN_BYTES = ("span_byte_start", "span_byte_limit")
_SPAN_TOKENS = ("span_token_start", "span_token_limit")
_LABEL = "span_label"
DUPLICATE_OF = "duplicate_of"
METADATA_FIELDS = "metadata_fields"  # setting of a segment that has such columns
_METADATA = "metadata."
_NO_FIELDS: Mapping[str, str] = {}


def token_type(vocab_size: int) -> pa.DataType:
    """Returns the Arrow type of wordpiece ids below `vocab_size`."""
    return pa.uint16() if vocab_size <= 1 << 16 else pa.uint32()


def byte_type(largest: int) -> pa.DataType:
    """Returns the smallest unsigned Arrow type that holds places up to `largest`."""
    return pa.from_numpy_dtype(np.min_scalar_type(largest))


def byte_type_of(blocks: pa.Schema) -> pa.DataType:
    """Returns the type of byte places in a schema of blocks: that of the spans that mark them."""
    return blocks.field("sentence_byte_start").type.value_type


def metadata_column(field: str) -> str:
    """Returns the name of the column of a declared field of the metadata."""
    return f"{_METADATA}{field}"


def metadata_fields(blocks: pa.Schema) -> dict[str, str]:
    """Returns the fields that a schema of blocks has columns of, and their types by `metadata`."""
    found = (field for field in blocks if field.name.startswith(_METADATA))
    return {f.name.removeprefix(_METADATA): metadata.type_of(f.type) for f in found}


def of_blocks(
    token: pa.DataType, byte: pa.DataType, fields: Mapping[str, str] = _NO_FIELDS
) -> pa.Schema:
    """Returns the schema of blocks.

    Args:
      token: Type of wordpieces.
      byte: Type of byte places.
      fields: Declared fields of the metadata, and their types; see `metadata`.
    """
    columns = {
        "block_id": pa.uint64(),
        "doc_id": pa.string(),
        "doc_key": pa.uint64(),
        **dict.fromkeys(("title", "text", "metadata"), pa.string()),
        "doc_byte_start": pa.int64(),
        **dict.fromkeys(_TOKENS, _list(token)),
        **dict.fromkeys(_BYTES, _list(byte)),
        DUPLICATE_OF: pa.uint64(),
        **{metadata_column(name): metadata.ARROW[fields[name]] for name in sorted(fields)},
    }
    return _schema(columns)


def of_spans(byte: pa.DataType) -> pa.Schema:
    """Returns the schema of spans with this type of byte places."""
    columns = {
        **dict.fromkeys(_SPAN_BYTES, _list(byte)),
        **dict.fromkeys(_SPAN_TOKENS, _list(pa.uint16())),
        _LABEL: _list(pa.dictionary(pa.int16(), pa.string())),
    }
    return _schema(columns)


def block_batch(blocks: Sequence[types.Block], schema: pa.Schema) -> pa.RecordBatch:
    """Converts blocks to columns.

    Args:
      blocks: Any number, in the order of their rows.
      schema: Schema from `of_blocks`.

    Raises:
      pyarrow.ArrowInvalid: If a number does not fit the type of its column.
      UserError: If the metadata has a value that is not of the type of its column.
    """
    made: dict[str, pa.Array] = {
        "doc_key": pa.array([keys.doc_key(b.doc_id) for b in blocks], pa.uint64()),
        DUPLICATE_OF: pa.array(np.zeros(len(blocks), np.uint64)),
        **_metadata_columns(blocks, metadata_fields(schema)),
    }
    for field in schema:
        if field.name not in made:
            values = [getattr(block, field.name) for block in blocks]
            is_ragged = pa.types.is_list(field.type)
            made[field.name] = (
                _ragged(values, field.type) if is_ragged else pa.array(values, field.type)
            )
    return pa.record_batch([made[field.name] for field in schema], schema=schema)


def span_batch(rows: Sequence[Sequence[types.Span]], schema: pa.Schema) -> pa.RecordBatch:
    """Converts the spans of blocks to columns.

    Args:
      rows: The spans of every block, in the order of the blocks' rows.
      schema: Schema from `of_spans`.

    Raises:
      pyarrow.ArrowInvalid: If a number does not fit the type of its column.
    """
    made = []
    for field in schema:
        attribute = field.name.removeprefix("span_")
        values = [[getattr(span, attribute) for span in spans] for spans in rows]
        made.append(pa.array(values, field.type))
    return pa.record_batch(made, schema=schema)


def cast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Casts the columns of a batch to those of `schema`, which has the same names.

    Raises:
      pyarrow.ArrowInvalid: If a number does not fit the type of its column.
    """
    columns = [batch.column(field.name).cast(field.type) for field in schema]
    return pa.record_batch(columns, schema=schema)


def largest_place(batch: pa.RecordBatch) -> int:
    """Returns the largest byte place that a batch of blocks holds; 0 if it holds none."""
    limits = (batch.column(name).values for name in _BYTES if name.endswith("limit"))
    return max((int(np.max(values)) for values in limits if len(values)), default=0)


def _metadata_columns(
    blocks: Sequence[types.Block], fields: Mapping[str, str]
) -> dict[str, pa.Array]:
    """The columns of declared fields; the metadata of a document is parsed once."""
    if not fields:
        return {}
    parsed = {}
    for block in blocks:
        if block.metadata not in parsed:
            parsed[block.metadata] = json.loads(block.metadata)
            if fault := metadata.fault(parsed[block.metadata], fields):
                raise types.UserError(f"Document {block.doc_id!r}: {fault}")
    columns = {}
    for name, kind in fields.items():
        values = [metadata.value(kind, parsed[b.metadata].get(name)) for b in blocks]
        columns[metadata_column(name)] = pa.array(values, metadata.ARROW[kind])
    return columns


def _schema(columns: Mapping[str, pa.DataType]) -> pa.Schema:
    # Only values of documents may be null, which have none where a corpus has none.
    fields = [(name, kind, name.startswith(_METADATA)) for name, kind in columns.items()]
    return pa.schema([pa.field(name, kind, nullable=null) for name, kind, null in fields])


def _list(kind: pa.DataType) -> pa.DataType:
    return pa.list_(pa.field("item", kind, nullable=False))


def _ragged(rows: Sequence[np.ndarray], kind: pa.ListType) -> pa.Array:
    """A list column of arrays, without a Python object per number."""
    offsets = np.zeros(len(rows) + 1, np.int32)
    np.cumsum([len(row) for row in rows], out=offsets[1:])
    values: Any = np.concatenate([*rows, np.zeros(0, np.int32)])
    return pa.ListArray.from_arrays(
        pa.array(offsets), pa.array(values).cast(kind.value_type), type=kind
    )
