# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures the recall of an index: the share of the exact search's results that it finds."""

from __future__ import annotations

import dataclasses

import numpy as np

from realm_tf.retrieval import vectors

_CHUNK_ROWS = 16_384
_CHECKED_ROWS = 65_536  # results whose vectors are looked up at a time


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
        scores = queries @ table.read(start, limit).T
        best = np.concatenate([best, scores], axis=1)
        if best.shape[1] > k:
            best = -np.partition(-best, k - 1, axis=1)[:, :k]
    return -np.sort(-best, axis=1)


@dataclasses.dataclass(frozen=True)
class GroundTruth:
    """The exact results of some queries, against which searches of any depth are held.

    Attributes:
      table: Vectors of the blocks.
      queries: Query vectors <float32>[num_queries, embed_dim].
      scores: The largest inner products of every query, best first, <float32>[num_queries, depth].
    """

    table: vectors.VectorTable
    queries: np.ndarray
    scores: np.ndarray

    @classmethod
    def of(cls, table: vectors.VectorTable, queries: np.ndarray, depth: int) -> GroundTruth:
        """Searches exactly, down to the deepest search that will be measured."""
        return cls(table, queries, exact_scores(table, queries, min(depth, len(table))))

    def sample(self, count: int) -> GroundTruth:
        """That of an even sample of the queries."""
        chosen = np.linspace(0, len(self.queries) - 1, min(count, len(self.queries))).astype(int)
        return GroundTruth(self.table, self.queries[chosen], self.scores[chosen])

    def recall(self, rows: np.ndarray) -> float:
        """Share of the exact results that were found, averaged over queries.

        A found block counts if its true inner product is at least the k-th best, so blocks with
        equal vectors stand for one another.

        Args:
          rows: What was found for each query, <int64>[num_queries, k]; -1 where padded.

        Returns:
          The recall, a number from 0 to 1.
        """
        k = rows.shape[1]
        worst = self.scores[:, k - 1 : k]
        least = worst - 1e-5 * np.maximum(1.0, np.abs(worst))
        num_found, step = 0, max(1, _CHECKED_ROWS // k)
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            found = self.table.gather(rows[part])
            scores = np.matmul(found, self.queries[part, :, None])[:, :, 0]
            num_found += int(((scores >= least[part]) & (rows[part] >= 0)).sum())
        return num_found / rows.size
