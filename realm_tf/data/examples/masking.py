# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Salient-span masking (Guu et al., 2020, section 3.4): one name or date is hidden per example.

The query x is the sentence that holds the span, with every wordpiece of the span replaced by
[MASK]; the prediction y is what stood there.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from realm_tf import types
from realm_tf.data.blocks import chunk as chunk_lib
from realm_tf.data.blocks import table as block_table
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib

Side = Literal["left", "right"]


class MaskedExample(NamedTuple):
    """One masked sentence, and where it comes from.

    Attributes:
      row: Row of the passage.
      span: Number of the span among all spans of the table.
      query_ids: <int32>[any] the masked sentence, without special tokens.
      positions: <int32>[num_masks] places of the [MASK]s in the packed query: [CLS] is position 0.
      targets: <int32>[num_masks] the wordpieces that stood there.
    """

    row: int
    span: int
    query_ids: np.ndarray
    positions: np.ndarray
    targets: np.ndarray


def eligible_spans(
    table: block_table.BlockTable, *, query_length: int, max_masks: int
) -> tuple[np.ndarray, dict[str, int]]:
    """The spans that can be masked without losing a target.

    Args:
      table: Table of the passages.
      query_length: Wordpieces of a packed query; a span that its sentence's truncation would cut is
        skipped.
      max_masks: A span of more wordpieces is skipped.

    Returns:
      Span numbers <int64>[any], ascending, and how many were skipped for which reason: `empty` (no
      wordpiece), `too_long`, `outside_sentence` or `truncated`; the first that applies.
    """
    spans, skipped = [], dict.fromkeys(("empty", "too_long", "outside_sentence", "truncated"), 0)
    for chunk in table.chunks():
        reasons = _skip_reasons(chunk, query_length, max_masks)
        eligible = np.ones(len(reasons["empty"]), bool)
        for reason, applies in reasons.items():
            skipped[reason] += int(np.count_nonzero(applies & eligible))
            eligible &= ~applies
        spans.append(table.span_offsets[chunk.first_row] + np.flatnonzero(eligible))
    return np.concatenate(spans) if spans else np.zeros(0, np.int64), skipped


def make(
    table: block_table.BlockTable, span: int, tokenizer: tokenizer_lib.Tokenizer
) -> MaskedExample:
    """Masks one span.

    Args:
      table: Table of the passages.
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
    )


def _skip_reasons(
    chunk: chunk_lib.Chunk, query_length: int, max_masks: int
) -> dict[str, np.ndarray]:
    """Per reason, <bool>[num_spans] of the chunk."""
    byte_start, byte_limit, token_start, token_limit = (
        chunk.ragged(f"span_{name}").values.astype(np.int64)
        for name in ("byte_start", "byte_limit", "token_start", "token_limit")
    )
    row_of_span = _row_of_value(chunk.ragged("span_byte_start"))
    sentences, tokens = chunk.ragged("sentence_byte_start"), chunk.ragged("token_byte_start")
    limits = chunk.ragged("sentence_byte_limit").values.astype(np.int64)
    sentence = _search(sentences, row_of_span, byte_start, side="right") - 1
    outside = sentence < sentences.offsets[row_of_span]
    sentence[outside] = 0
    outside |= byte_limit > limits[sentence]
    starts = sentences.values.astype(np.int64)[sentence]
    first = _search(tokens, row_of_span, starts, side="left") - tokens.offsets[row_of_span]
    return {
        "empty": token_limit <= token_start,
        "too_long": token_limit - token_start > max_masks,
        "outside_sentence": outside,
        "truncated": token_limit - first > query_length - packing.QUERY_SPECIALS,
    }


def _row_of_value(column: types.Ragged) -> np.ndarray:
    """<int64>[total] the row of every value."""
    return np.repeat(np.arange(len(column)), column.lengths)


def _search(
    column: types.Ragged, rows: np.ndarray, wanted: np.ndarray, *, side: Side
) -> np.ndarray:
    """np.searchsorted of wanted[i] in row rows[i], as an index into the flat values."""
    # Byte offsets fit 32 bits: with the row above them, the whole column is one sorted array.
    keys = (_row_of_value(column) << 32) + column.values.astype(np.int64)
    return np.searchsorted(keys, (rows << 32) + wanted, side)
