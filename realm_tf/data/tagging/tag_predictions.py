# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Predicts the tags of sentences from a tagger's scores, in batches by length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from realm_tf import types
from realm_tf.data.tagging import bio, tag_batches
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib

# EncoderInputs <int32>[n, length] to <float32>[n, length, num_tags].
LogitsFn = Callable[[types.EncoderInputs], np.ndarray]

_LENGTH_STEP = 8
_UNSEEN = -1e9  # score of every tag but "O" where the tagger sees no wordpiece of a word


def by_length(
    sizes: np.ndarray, *, length: int, batch_size: int
) -> Iterator[tuple[np.ndarray, int]]:
    """Divides sequences into batches of nearly equal lengths, the short ones first.

    Args:
      sizes: <int>[n], special tokens included.
      length: The largest size that there may be.
      batch_size: Sequences of every batch but the last.

    Yields:
      (rows <int64>[<= batch_size], length to pad them to: a multiple of 8, or `length`).
    """
    order = np.argsort(sizes, kind="stable")
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        yield rows, int(packing.bucket_lengths(sizes[rows[-1:]], length, _LENGTH_STEP)[0])


def predict(
    examples: Sequence[tag_batches.Example],
    num_words: Sequence[int],
    logits_fn: LogitsFn,
    tokenizer: tokenizer_lib.Tokenizer,
    tags: Sequence[str],
    *,
    length: int,
    batch_size: int,
) -> list[list[str]]:
    """Tags sentences.

    Args:
      examples: All parts of the sentences.
      num_words: Number of words of every sentence.
      logits_fn: The tagger.
      tokenizer: Gives the special ids.
      tags: Names of the last axis of the logits.
      length: Wordpieces of the longest packed input.
      batch_size: Examples per call of the tagger.

    Returns:
      For every sentence, a tag for each word; "O" for words without wordpieces.
    """
    scores = [_unseen(count, len(tags)) for count in num_words]
    sizes = np.array([len(e.ids) + packing.QUERY_SPECIALS for e in examples], np.int64)
    for rows, padded in by_length(sizes, length=length, batch_size=batch_size):
        batch = [examples[row] for row in rows.tolist()]
        ids = types.Ragged.of([example.ids for example in batch])
        logits = logits_fn(packing.pack_queries(ids, padded, tokenizer))
        for example, of_example in zip(batch, logits, strict=True):
            scores[example.sentence][example.words] = of_example[1 + example.places]
    return [bio.decode(of_sentence, tags) for of_sentence in scores]


def _unseen(num_words: int, num_tags: int) -> np.ndarray:
    scores = np.full((num_words, num_tags), _UNSEEN, np.float32)
    scores[:, 0] = 0.0
    return scores
