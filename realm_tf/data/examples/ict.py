# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Inverse-cloze examples: find the block that a sentence was taken from.

ORQA (Lee et al., 2019, section 4); REALM starts its embedder with it (Guu et al., 2020, 3.4).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from realm_tf.data.blocks import table as block_table


class IctExample(NamedTuple):
    """A sentence and the block that it belongs to, as wordpieces without special tokens.

    Attributes:
      query_ids: <int>[any] the sentence.
      title_ids: <int>[any] the block's title.
      body_ids: <int>[any] the block's text, as a rule without the sentence.
      sentence: Number of the sentence in its block.
      is_removed: Whether `body_ids` lacks it.
    """

    query_ids: np.ndarray
    title_ids: np.ndarray
    body_ids: np.ndarray
    sentence: int
    is_removed: bool


def eligible_rows(table: block_table.BlockTable) -> np.ndarray:
    """Rows <int64>[any] of the blocks of two sentences or more: one is left to be found by."""
    counts = [chunk.ragged("sentence_byte_start").lengths for chunk in table.chunks()]
    return np.flatnonzero(np.concatenate([np.zeros(0, np.int64), *counts]) >= 2)


def make(
    table: block_table.BlockTable, row: int, rng: np.random.Generator, *, keep_probability: float
) -> IctExample:
    """Takes a random sentence out of a block.

    Args:
      table: Blocks.
      row: Row of the block; see `eligible_rows`.
      rng: Two numbers are drawn from it, whatever the block.
      keep_probability: How often the sentence stays in its block, so that the embedder also learns
        to match words (0.1 in the paper).
    """
    which, keep = rng.random(2)
    token_ids, token_byte_start = table.token_ids(row), table.token_byte_start(row)
    starts = np.searchsorted(token_byte_start, table.sentence_byte_start(row))
    limits = np.searchsorted(token_byte_start, table.sentence_byte_limit(row))
    # A sentence of nothing but characters that the tokenizer drops cannot be asked for.
    sentences = np.flatnonzero(limits > starts)
    sentence = int(sentences[int(which * len(sentences))]) if len(sentences) else 0
    start, limit = starts[sentence], limits[sentence]
    if keep < keep_probability:
        body_ids = token_ids
    else:
        body_ids = np.concatenate([token_ids[:start], token_ids[limit:]])
    return IctExample(
        token_ids[start:limit], table.title_ids(row), body_ids, sentence, keep >= keep_probability
    )
