# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The exact search layer: a matrix product with vectors that stay where they are mapped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from tensorflow_recommenders.layers import factorized_top_k

from realm_tf.retrieval import vectors

_PIECE_ROWS = 65_536  # bounds the scores of a batch, and what is decoded at a time


class ExactTopK(factorized_top_k.TopK):
    """Searches all vectors of a table, piece by piece, and copies none of them.

    A layer as those of TFRS, which would hold the vectors three times while it is made. Of vectors
    in a narrow number type, one piece at a time is widened.

    Args:
      table: Vectors of the blocks.
    """

    def __init__(self, table: vectors.VectorTable):
        super().__init__(k=1)
        self._pieces = list(_pieces(table))

    def index(self, candidates: tf.Tensor, identifiers: tf.Tensor | None = None) -> Any:
        """Not used: a table is given when the layer is made."""
        raise NotImplementedError("ExactTopK searches the table that it is made with.")

    def call(self, queries: tf.Tensor, k: Any = None) -> tuple[tf.Tensor, tf.Tensor]:
        """Searches for the best blocks of each query.

        Args:
          queries: Query vectors <float32>[batch_size, embed_dim].
          k: Number of blocks for each query, at most the number of all blocks.

        Returns:
          Scores <float32>[batch_size, k], best first, and rows <int64>[batch_size, k]; equal scores
          by row.
        """
        best, rows = tf.zeros([len(queries), 0]), tf.zeros([len(queries), 0], tf.int64)
        for start, values, scales in self._pieces:
            scores = vectors.inner_products(queries, values, scales)
            top, found = tf.math.top_k(scores, min(k, scores.shape[1]))
            best = tf.concat([best, top], axis=1)
            rows = tf.concat([rows, tf.cast(found, tf.int64) + start], axis=1)
            if start:
                best, kept = tf.math.top_k(best, min(k, best.shape[1]))
                rows = tf.gather(rows, kept, batch_dims=1)
        return best, rows

    def is_exact(self) -> bool:
        """Whether the layer returns exact results."""
        return True


def _pieces(
    table: vectors.VectorTable,
) -> Iterator[tuple[int, tf.Tensor, tf.Tensor | None]]:
    """The first row, the vectors and the scales of every piece."""
    for number, shard in enumerate(table.shards):
        values = vectors.as_tensor(shard)
        scales = table.scales[number]
        for start in range(0, len(shard), _PIECE_ROWS):
            piece = slice(start, start + _PIECE_ROWS)
            scale = None if scales is None else tf.constant(scales[piece])
            yield int(table.shard_offsets[number]) + start, values[piece], scale
