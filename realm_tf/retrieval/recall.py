# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures the recall of an index: the share of the exact search's results that it finds."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from realm_tf import types
from realm_tf.retrieval import vectors

_CHUNK_ROWS = 65_536


class Searches(Protocol):
    """Interface of what answers searches, such as `index.Index`."""

    def search(self, queries: np.ndarray, k: int) -> types.RetrievedBlocks:
        """Searches for the best blocks of each query, as `index.Index.search` does."""


def exact_scores(table: vectors.VectorTable, queries: np.ndarray, k: int) -> np.ndarray:
    """The k largest inner products of every query, by a plain pass over the mapped vectors.

    Args:
      table: Vectors of the blocks.
      queries: Query vectors <float32>[batch_size, embed_dim].
      k: Number of blocks for each query, at most the number of all blocks.

    Returns:
      The inner products <float32>[batch_size, k], largest first.
    """
    best = np.zeros((len(queries), 0), np.float32)
    for start, limit in table.chunks(_CHUNK_ROWS):
        scores = queries @ table.gather(np.arange(start, limit)).T
        best = np.concatenate([best, scores], axis=1)
        if best.shape[1] > k:
            best = -np.partition(-best, k - 1, axis=1)[:, :k]
    return -np.sort(-best, axis=1)


def index_recall(index: Searches, table: vectors.VectorTable, queries: np.ndarray, k: int) -> float:
    """Share of the exact top k that an index finds, averaged over queries.

    A found block counts if its true inner product is at least the k-th best, so blocks with equal
    vectors stand for one another.

    Args:
      index: Index over the vectors of `table`.
      table: Vectors of the blocks.
      queries: Query vectors <float32>[batch_size, embed_dim].
      k: Number of blocks for each query, at most the number of all blocks.

    Returns:
      The recall, a number from 0 to 1.
    """
    k = min(k, len(table))
    found = index.search(queries, k)
    scores = np.einsum("bd,bkd->bk", queries, table.gather(found.rows))
    worst = exact_scores(table, queries, k)[:, -1:]
    tolerance = 1e-5 * np.maximum(1.0, np.abs(worst))
    return float(((scores >= worst - tolerance) & (found.rows >= 0)).mean())
