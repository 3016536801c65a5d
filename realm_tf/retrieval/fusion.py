# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reciprocal rank fusion: one ranking out of several (Cormack et al., 2009).

A row scores the sum, over the rankings, of 1 / (c + its place in it), places counted from 1. Only
places count, so that scores of different kinds (inner products, BM25) need no common scale. Of each
ranking the first `depth` places count; what stands beyond them in the last ranking comes after all
of these, in its order. So a longer result begins as a shorter one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from realm_tf import config as config_lib
from realm_tf import types


def fuse(
    rankings: Sequence[np.ndarray], k: int, config: config_lib.FusionConfig
) -> types.RetrievedBlocks:
    """Fuses rankings of the same questions.

    Args:
      rankings: <int64>[num_questions, any] rows, best first, each but once; -1 is padding.
      k: Number of rows for each question.
      config: Depth and the constant c.

    Returns:
      <int64>[num_questions, k] rows and <float32> scores, best first, of equal ones the smaller
      row; -1 and -inf where there are no more rows.
    """
    *firsts, last = rankings
    rows = np.concatenate([*(first[:, : config.depth] for first in firsts), last], axis=1)
    lengths = [*(min(first.shape[1], config.depth) for first in firsts), last.shape[1]]
    places = np.concatenate([np.arange(1, 1 + length) for length in lengths])
    gains, counts = 1.0 / (config.rank_constant + places), places <= config.depth
    shape = (len(rows), k)
    fused = types.RetrievedBlocks(np.full(shape, -1, np.int64), np.full(shape, -np.inf, np.float32))
    for question, of_question in enumerate(rows):
        there = of_question >= 0
        unique, which = np.unique(of_question[there], return_inverse=True)
        scores = np.bincount(which, weights=(gains * counts)[there], minlength=len(unique))
        beyond = np.bincount(which, weights=(gains * ~counts)[there], minlength=len(unique))
        scores = np.where(scores > 0, scores, beyond)
        best = np.lexsort((unique, -scores))[:k]
        fused.rows[question, : len(best)] = unique[best]
        fused.scores[question, : len(best)] = scores[best]
    return fused
