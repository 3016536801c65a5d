# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""BM25 in the served graph: it finds what `retrieval.bm25` finds, equal scores and all.

Which rows hold a word, and what it adds to their scores, was computed when the graph was made, and
is variables: eight bytes for each word of each block.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from realm_tf.retrieval import bm25
from serving import big_variables, graph_words, largest, text_places

_PIECE = 1 << 20  # postings at a time, when a variable is made


class WordSearch(tf.Module):
    """Search by words.

    Args:
      postings: Which rows hold which word.
      num_rows: Number of rows.

    Attributes:
      num_rows: Number of rows.
    """

    def __init__(self, postings: bm25.Postings, num_rows: int):
        super().__init__(name="word_search")
        self.num_rows = num_rows
        self._graph_words = graph_words.GraphWords()
        self._places = text_places.TextPlaces([word.encode() for word in postings.words])
        order = self._places.order
        self._starts = tf.Variable(postings.starts[order], trainable=False, name="start")
        self._limits = tf.Variable(postings.starts[order + 1], trainable=False, name="limit")
        self._rows = _variable(postings.rows, tf.int32, "row")
        self._scores = _variable(postings.scores, tf.float32, "score")

    def known(self, texts: tf.Tensor) -> tf.Tensor:
        """Numbers of the words of texts <string>[n] that rows hold, <int32>[n, most]; -1 pads."""
        words = self._graph_words(texts)[:, : bm25.MAX_WORDS]
        places = words.with_values(self._places(words.values))
        return tf.ragged.boolean_mask(places, places.with_values(places.values >= 0)).to_tensor(-1)

    def find(
        self, words: tf.Tensor, count: tf.Tensor | int, allowed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """The rows with the largest scores for one question, best first; of equals, the first.

        Args:
          words: Numbers of its words, <int32>[any]; -1 is passed over.
          count: Number of rows to find, at most `num_rows`.
          allowed: Which rows may be found, <bool>[num_rows]; None: all.

        Returns:
          <int64>[count]; -1 where no more of these rows hold one of the words.
        """
        scores = self._score(tf.boolean_mask(words, words >= 0))
        if allowed is not None:
            padding = largest.padded(self.num_rows) - self.num_rows
            scores = tf.where(tf.pad(allowed, [[0, padding]]), scores, 0.0)
        rows, scores = largest.find(scores[tf.newaxis], count, self.num_rows)
        return tf.where(scores > 0, rows, -1)[0]

    def _score(self, words: tf.Tensor) -> tf.Tensor:
        """The scores of all rows and the padding, <float32>; 0 of a row without these words.

        Word by word, so that the sums are those of the host to the last bit, and so is their order.
        """
        starts, limits = tf.gather(self._starts, words), tf.gather(self._limits, words)

        def add(number: tf.Tensor, scores: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            postings = tf.range(starts[number], limits[number])
            rows = tf.gather(self._rows, postings)[:, tf.newaxis]
            gains = tf.gather(self._scores, postings)
            return number + 1, tf.tensor_scatter_nd_add(scores, rows, gains)

        nothing = tf.zeros([largest.padded(self.num_rows)])
        _, scores = tf.while_loop(
            lambda number, _: number < tf.size(words),
            add,
            (tf.constant(0), nothing),
            parallel_iterations=1,
        )
        return scores


def _variable(values: np.ndarray, dtype: tf.DType, name: str) -> tf.Variable:
    def pieces() -> Iterator[np.ndarray]:
        for start in range(0, len(values), _PIECE):
            yield values[start : start + _PIECE]

    return big_variables.make((len(values),), dtype, pieces(), name=name)
