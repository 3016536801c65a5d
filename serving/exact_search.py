# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Exact search in the served graph: the largest of the inner products with all vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from realm_tf.retrieval import view as view_lib
from serving import big_variables, chunks, largest

_READ_ROWS = 1 << 16  # at a time, when the variable is made
_MAX_SCORES = 1 << 26  # numbers held at a time: 256 MB


class Restriction(NamedTuple):
    """Which rows a search may find for each question.

    Attributes:
      filters: A filter for each question, [batch_size, ...]; those of requests are texts.
      allowed: Which rows n of these filters allow: [n, ...] to <bool>[n, num_rows].
    """

    filters: tf.Tensor
    allowed: Callable[[tf.Tensor], tf.Tensor]


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
        self._num_padded = largest.padded(self.num_rows)
        pieces = (vectors.read(*rows) for rows in vectors.chunks(_READ_ROWS))
        self._vectors = big_variables.make(
            (self._num_padded, vectors.dim), tf.float32, pieces, name="vectors"
        )

    def record(self) -> Mapping[str, Any]:
        """See `approximate_search.ApproximateSearch`."""
        return {"index": "exact"}

    def __call__(
        self,
        query_emb: tf.Tensor,
        count: tf.Tensor | int,
        restriction: Restriction | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Finds the rows with the largest inner products, best first; of equals, the first.

        Args:
          query_emb: Vectors of the questions, <float32>[batch_size, embed_dim].
          count: Number of rows to find, at most `num_rows`.
          restriction: Which rows may be found; None: all of them.

        Returns:
          Rows <int64> and inner products <float32>, both [batch_size, count]; -1 and -inf where
          fewer rows are allowed.
        """
        size = max(1, min(64, _MAX_SCORES // self._num_padded))

        def search(queries: tf.Tensor, filters: tf.Tensor | None = None) -> tuple:
            allowed = None if restriction is None else restriction.allowed(filters)
            return self.search(queries, count, allowed)

        inputs = [query_emb] if restriction is None else [query_emb, restriction.filters]
        rows, scores = chunks.apply(search, inputs, [tf.int64, tf.float32], size)
        return rows, scores

    def search(
        self, queries: tf.Tensor, count: tf.Tensor | int, allowed: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """As a call, at once, and among the rows that are allowed, <bool>[batch_size, num_rows]."""
        products = tf.matmul(queries, self._vectors, transpose_b=True)
        if allowed is not None:
            padding = self._num_padded - self.num_rows
            products = tf.where(tf.pad(allowed, [[0, 0], [0, padding]]), products, -np.inf)
        rows, scores = largest.find(products, count, self.num_rows)
        return rows if allowed is None else tf.where(scores > -np.inf, rows, -1), scores
