# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Random wordpieces in the place of answers, so that a reader learns to copy and not to remember.

A small corpus is remembered sooner than copying is learned. Where the answer is replaced in the
block too, by a wordpiece drawn at random, only the block tells it. Ours, for the readers' warm-up.
"""

from __future__ import annotations

import numpy as np

from realm_tf.data.examples import masked_batches
from realm_tf.text import tokenizer as tokenizer_lib


def substitute(
    batch: masked_batches.MaskedBatch,
    tokenizer: tokenizer_lib.Tokenizer,
    rng: np.random.Generator,
    *,
    probability: float,
) -> masked_batches.MaskedBatch:
    """Replaces every masked wordpiece, wherever it stands in query and block, by a random one.

    Args:
      batch: From `masked_batches`, in the mode "own"; it is not changed.
      tokenizer: Tokenizer of the batch.
      rng: Decides which examples, and which wordpieces.
      probability: Share of the examples that are changed.

    Returns:
      The batch with other `joint` and `mask_targets`. Its `query` and `blocks`, which the reader
      does not see, are as they were.
    """
    special = {tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id}
    ordinary = np.setdiff1d(np.arange(tokenizer.vocab_size), [*special, tokenizer.mask_id])
    word_ids = batch.joint.word_ids.copy()
    targets = batch.mask_targets.copy()
    for row in np.flatnonzero(rng.random(len(targets)) < probability):
        masked = targets[row, batch.mask_weights[row] > 0]
        mapping = np.arange(tokenizer.vocab_size, dtype=word_ids.dtype)
        old = np.unique(masked)
        mapping[old] = rng.choice(ordinary, size=len(old), replace=False)
        word_ids[row] = mapping[word_ids[row]]
        targets[row, : len(masked)] = mapping[masked]
    return batch._replace(joint=batch.joint._replace(word_ids=word_ids), mask_targets=targets)
