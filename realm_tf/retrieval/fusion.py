# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reciprocal rank fusion: one ranking out of several (Cormack et al., 2009).

A row scores the sum, over the rankings, of 1 / (c + its place in it), places counted from 1. Only
places count, so that scores of different kinds (inner products, BM25) need no common scale.
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
      rankings: <int64>[num_questions, any] rows, best first, each but once; -1 is padding. The
        first `config.depth` columns of each are taken.
      k: Number of rows for each question.
      config: Depth and the constant c.

    Returns:
      <int64>[num_questions, k] rows and <float32> scores, best first, of equal ones the smaller
      row; -1 and -inf where there are no more rows.
    """
    rankings = [ranking[:, : config.depth] for ranking in rankings]
    rows = np.concatenate(rankings, axis=1)
    places = np.concatenate([np.arange(1, ranking.shape[1] + 1) for ranking in rankings])
    gains = 1.0 / (config.rank_constant + places)
    shape = (len(rows), k)
    fused = types.RetrievedBlocks(np.full(shape, -1, np.int64), np.full(shape, -np.inf, np.float32))
    for question, of_question in enumerate(rows):
        there = of_question >= 0
        unique, which = np.unique(of_question[there], return_inverse=True)
        scores = np.bincount(which, weights=gains[there], minlength=len(unique))
        best = np.lexsort((unique, -scores))[:k]
        fused.rows[question, : len(best)] = unique[best]
        fused.scores[question, : len(best)] = scores[best]
    return fused
