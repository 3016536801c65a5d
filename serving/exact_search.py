# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Exact search in the served graph: the inner products with all vectors, and the largest of them.

The largest are found in two steps, because `top_k` over a million numbers is far slower than the
products themselves: the k largest are in those k groups of rows whose largest is the largest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.retrieval import view as view_lib
from serving import big_variables, chunks

_GROUP = 512  # rows
_READ_ROWS = 1 << 16  # at a time, when the variable is made
_MAX_SCORES = 1 << 26  # numbers held at a time: 256 MB


class ExactSearch(tf.Module):
    """Exact search over vectors, which are a variable of the graph.

    Args:
      vectors: Vectors of the blocks, row by row.

    Attributes:
      num_rows: Number of vectors.
      release: Nothing: see `approximate_search.ApproximateSearch`.
    """

    release = None

    def __init__(self, vectors: view_lib.Vectors):
        super().__init__(name="exact_search")
        self.num_rows = len(vectors)
        self._num_groups = -(-self.num_rows // _GROUP)
        pieces = (vectors.read(*rows) for rows in vectors.chunks(_READ_ROWS))
        self._vectors = big_variables.make(
            (self._num_groups * _GROUP, vectors.dim), tf.float32, pieces, name="vectors"
        )

    def record(self) -> Mapping[str, Any]:
        """See `approximate_search.ApproximateSearch`."""
        return {"index": "exact"}

    def __call__(self, query_emb: tf.Tensor, count: tf.Tensor | int) -> tuple[tf.Tensor, tf.Tensor]:
        """Finds the rows with the largest inner products, best first; of equals, the first.

        Args:
          query_emb: Vectors of the questions, <float32>[batch_size, embed_dim].
          count: Number of rows to find, at most `num_rows`.

        Returns:
          Rows <int64> and inner products <float32>, both [batch_size, count].
        """
        size = max(1, min(64, _MAX_SCORES // (self._num_groups * _GROUP)))

        def search(queries: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return self._search(queries, count)

        rows, scores = chunks.apply(search, [query_emb], [tf.int64, tf.float32], size)
        return rows, scores

    def _search(self, queries: tf.Tensor, count: tf.Tensor | int) -> tuple[tf.Tensor, tf.Tensor]:
        products = tf.matmul(queries, self._vectors, transpose_b=True)
        groups = tf.reshape(products, [-1, self._num_groups, _GROUP])
        # One more than needed: the padding may take the last group to a place that is not its own.
        best = tf.math.top_k(
            tf.reduce_max(groups, axis=-1), tf.minimum(count + 1, self._num_groups), sorted=False
        ).indices
        best = tf.sort(best)  # of equal products the first row comes first
        scores = tf.gather(groups, best, batch_dims=1)
        rows = best[..., tf.newaxis] * _GROUP + tf.range(_GROUP)
        scores = tf.where(rows < self.num_rows, scores, -np.inf)
        flat = [tf.shape(queries)[0], tf.shape(best)[1] * _GROUP]
        scores, places = tf.math.top_k(tf.reshape(scores, flat), count)
        rows = tf.gather(tf.reshape(rows, flat), places, batch_dims=1)
        return tf.cast(rows, tf.int64), scores
