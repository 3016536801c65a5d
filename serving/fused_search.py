# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Search by vectors and by words in the served graph, fused by rank as `retrieval.fusion` does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from realm_tf import config as config_lib
from realm_tf.data.blocks import table as block_table
from realm_tf.retrieval import bm25
from serving import approximate_search, chunks, exact_search, word_search


class FusedSearch(tf.Module):
    """The fusion of a search by vectors with BM25.

    Args:
      by_vectors: The search by vectors.
      table: Table of the blocks.
      config: Configuration of the run: parameters of BM25 and of the fusion, template of a block.
    """

    def __init__(
        self,
        by_vectors: exact_search.ExactSearch | approximate_search.ApproximateSearch,
        table: block_table.BlockTable,
        config: config_lib.Config,
    ):
        super().__init__(name="fused_search")
        self._config = config.retrieval.fusion
        self._by_vectors = by_vectors
        postings = bm25.of_table(table, self._config, config.blocks.template).postings()
        self._by_words = word_search.WordSearch(postings, len(table))
        self._sizes = {"words": len(postings.words), "postings": len(postings.rows)}

    def record(self) -> Mapping[str, Any]:
        """What the manifest of an export says of the fusion."""
        return {**self._sizes, **config_lib.to_dict(self._config)}

    def __call__(
        self,
        question: tf.Tensor,
        query_emb: tf.Tensor,
        count: tf.Tensor,
        restriction: exact_search.Restriction | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Finds the best rows of both rankings together, among those that may be found.

        Args:
          question: Texts of the questions, <string>[batch_size].
          query_emb: Their vectors, <float32>[batch_size, embed_dim].
          count: Number of rows to find, at most as many as there are.
          restriction: Which rows may be found; None: all of them.

        Returns:
          Rows <int64> and scores <float32>, the logarithm of that of `fusion.fuse`, both
          [batch_size, count]; -1 and -inf where fewer rows are allowed.
        """
        num_rows, depth = self._by_words.num_rows, self._config.depth
        by_vectors, _ = self._by_vectors(
            query_emb, tf.minimum(tf.maximum(count, depth), num_rows), restriction
        )

        def of_one(words: tf.Tensor, dense: tf.Tensor, *filters: tf.Tensor) -> list[tf.Tensor]:
            # Of one question, or of none in an empty batch.
            allowed = None
            if restriction is not None:
                allowed = tf.reduce_any(restriction.allowed(*filters), axis=0)
            by_words = self._by_words.find(tf.reshape(words, [-1]), min(depth, num_rows), allowed)
            rows, scores = self._fuse(by_words, tf.reshape(dense, [-1]), count)
            return [x[tf.newaxis][: tf.shape(words)[0]] for x in (rows, scores)]

        inputs = [self._by_words.known(question), by_vectors]
        inputs += [] if restriction is None else [restriction.filters]
        rows, scores = chunks.apply(of_one, inputs, [tf.int64, tf.float32], 1)
        return rows, scores

    def _fuse(
        self, by_words: tf.Tensor, by_vectors: tf.Tensor, count: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """`fusion.fuse` of one question: rows <int64>[any], -1 is padding."""
        rows = tf.concat([by_words, by_vectors], 0)
        place = tf.concat([1 + tf.range(tf.size(ranked)) for ranked in (by_words, by_vectors)], 0)
        is_there = rows >= 0
        rows, place = tf.boolean_mask(rows, is_there), tf.boolean_mask(place, is_there)
        gain = 1.0 / (self._config.rank_constant + tf.cast(place, tf.float64))
        counts = tf.cast(place <= self._config.depth, tf.float64)
        unique, which = tf.unique(rows)
        order = tf.argsort(unique)  # of equal scores the first row comes first

        def summed(gain: tf.Tensor) -> tf.Tensor:
            sums = tf.math.unsorted_segment_sum(gain, which, tf.size(unique))
            return tf.gather(sums, order)

        score, beyond = summed(gain * counts), summed(gain * (1.0 - counts))
        score = tf.where(score > 0, score, beyond)
        best = tf.math.top_k(score, tf.minimum(count, tf.size(unique)))
        rows = tf.gather(tf.gather(unique, order), best.indices)
        padding = [[0, count - tf.size(rows)]]
        logs = tf.math.log(tf.cast(best.values, tf.float32))
        return tf.pad(rows, padding, constant_values=-1), tf.pad(
            logs, padding, constant_values=-float("inf")
        )
