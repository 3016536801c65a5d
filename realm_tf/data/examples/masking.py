# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Salient-span masking (Guu et al., 2020, section 3.4): one name or date is hidden per example.

The query x is the sentence that holds the span, with every wordpiece of the span replaced by
[MASK]; the prediction y is what stood there.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from realm_tf.data.blocks import table as block_table
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib

Side = Literal["left", "right"]

_ROWS_AT_ONCE = 1 << 16  # bounds the memory of `eligible_spans` to some 100 MB


class MaskedExample(NamedTuple):
    """One masked sentence, and where it comes from.

    Attributes:
      row: Of the passage.
      span: Number of the span among all spans of the table.
      query_ids: <int32>[any] the masked sentence, without special tokens.
      positions: <int32>[num_masks] of the [MASK]s in the packed query: [CLS] is position 0.
      targets: <int32>[num_masks] the wordpieces that stood there.
      doc_key: Hash of the passage's document id.
      doc_byte_start: First byte of the passage in its document's text.
      doc_byte_limit: One past its last byte.
    """

    row: int
    span: int
    query_ids: np.ndarray
    positions: np.ndarray
    targets: np.ndarray
    doc_key: int
    doc_byte_start: int
    doc_byte_limit: int


def eligible_spans(
    table: block_table.BlockTable, *, query_length: int, max_masks: int
) -> tuple[np.ndarray, dict[str, int]]:
    """The spans that can be masked without losing a target.

    Args:
      table: Passages.
      query_length: Of a packed query; a span that its sentence's truncation would cut is skipped.
      max_masks: A span of more wordpieces is skipped.

    Returns:
      Span numbers <int64>[any], ascending, and how many were skipped for which reason: `empty` (no
      wordpiece), `too_long`, `outside_sentence` or `truncated`; the first that applies.
    """
    spans, skipped = [], dict.fromkeys(("empty", "too_long", "outside_sentence", "truncated"), 0)
    for start in range(0, len(table), _ROWS_AT_ONCE):
        rows = slice(start, min(start + _ROWS_AT_ONCE, len(table)))
        first_span, reasons = _skip_reasons(table, rows, query_length, max_masks)
        eligible = np.ones(len(reasons["empty"]), bool)
        for reason, applies in reasons.items():
            skipped[reason] += int(np.count_nonzero(applies & eligible))
            eligible &= ~applies
        spans.append(first_span + np.flatnonzero(eligible))
    return np.concatenate(spans) if spans else np.zeros(0, np.int64), skipped


def make(
    table: block_table.BlockTable, span: int, tokenizer: tokenizer_lib.Tokenizer
) -> MaskedExample:
    """Masks one span.

    Args:
      table: Passages.
      span: Number of an eligible span; see `eligible_spans`.
      tokenizer: Gives the id of [MASK].
    """
    row = table.row_of_span(span)
    within = span - int(table.span_offsets[row])
    sentence = table.sentence_byte_start(row).searchsorted(
        table.span_byte_start(row)[within], "right"
    )
    token_byte_start = table.token_byte_start(row)
    start = int(token_byte_start.searchsorted(table.sentence_byte_start(row)[sentence - 1]))
    limit = int(token_byte_start.searchsorted(table.sentence_byte_limit(row)[sentence - 1]))
    query_ids = table.token_ids(row)[start:limit].astype(np.int32)
    masked = slice(
        int(table.span_token_start(row)[within]) - start,
        int(table.span_token_limit(row)[within]) - start,
    )
    targets = query_ids[masked].copy()
    query_ids[masked] = tokenizer.mask_id
    return MaskedExample(
        row=row,
        span=span,
        query_ids=query_ids,
        positions=np.arange(masked.start + 1, masked.stop + 1, dtype=np.int32),
        targets=targets,
        doc_key=int(table.doc_keys[row]),
        doc_byte_start=int(table.doc_byte_start[row]),
        doc_byte_limit=int(table.doc_byte_limit[row]),
    )


def _skip_reasons(
    table: block_table.BlockTable, rows: slice, query_length: int, max_masks: int
) -> tuple[int, dict[str, np.ndarray]]:
    """Returns the number of the rows' first span and, per reason, <bool>[num_spans]."""
    span_offsets = table.span_offsets[rows.start : rows.stop + 1]
    row_of_span = np.repeat(np.arange(rows.stop - rows.start), np.diff(span_offsets))
    byte_start, byte_limit, token_start, token_limit = (
        _part(table, f"span_{name}", rows)[0]
        for name in ("byte_start", "byte_limit", "token_start", "token_limit")
    )
    starts, offsets = _part(table, "sentence_byte_start", rows)
    limits, _ = _part(table, "sentence_byte_limit", rows)
    sentence = _search(starts, offsets, row_of_span, byte_start, side="right") - 1
    outside = sentence < offsets[row_of_span]
    sentence[outside] = 0
    outside |= byte_limit > limits[sentence]
    token_byte_start, token_offsets = _part(table, "token_byte_start", rows)
    first = _search(token_byte_start, token_offsets, row_of_span, starts[sentence], side="left")
    first -= token_offsets[row_of_span]
    return int(span_offsets[0]), {
        "empty": token_limit <= token_start,
        "too_long": token_limit - token_start > max_masks,
        "outside_sentence": outside,
        "truncated": token_limit - first > query_length - packing.QUERY_SPECIALS,
    }


def _part(table: block_table.BlockTable, name: str, rows: slice) -> tuple[np.ndarray, np.ndarray]:
    """A column's values in `rows`, as <int64>, and their offsets, which start at 0."""
    values, offsets = table.ragged(name)
    offsets = np.asarray(offsets[rows.start : rows.stop + 1])
    return values[offsets[0] : offsets[-1]].astype(np.int64), offsets - offsets[0]


def _search(
    values: np.ndarray, offsets: np.ndarray, rows: np.ndarray, wanted: np.ndarray, *, side: Side
) -> np.ndarray:
    """np.searchsorted of wanted[i] in row rows[i], as an index into the flat `values`."""
    row_of_value = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    # Byte offsets fit 32 bits: with the row above them, the whole column is one sorted array.
    return np.searchsorted((row_of_value << 32) + values, (rows << 32) + wanted, side)
