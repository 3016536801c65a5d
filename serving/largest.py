# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The largest of many numbers, in the served graph.

They are found in two steps, because `top_k` over a million numbers is far slower than the products
that they are: the k largest are in those k groups of rows whose largest is the largest.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

_GROUP = 512  # rows


def padded(num_rows: int) -> int:
    """The number of rows with those that fill up the last group."""
    return -(-num_rows // _GROUP) * _GROUP


def find(scores: tf.Tensor, count: tf.Tensor | int, num_rows: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Finds the rows with the largest scores, best first; of equals, the first.

    Args:
      scores: <float32>[n, padded(num_rows)]; those behind `num_rows` may be anything.
      count: Number of rows to find, at most `num_rows`.
      num_rows: Number of rows.

    Returns:
      Rows <int64> and their scores <float32>, both [n, count].
    """
    num_groups = padded(num_rows) // _GROUP
    groups = tf.reshape(scores, [-1, num_groups, _GROUP])
    # One more than needed: the padding may take the last group to a place that is not its own.
    best = tf.math.top_k(
        tf.reduce_max(groups, axis=-1), tf.minimum(count + 1, num_groups), sorted=False
    ).indices
    best = tf.sort(best)  # of equal scores the first row comes first
    scores = tf.gather(groups, best, batch_dims=1)
    rows = best[..., tf.newaxis] * _GROUP + tf.range(_GROUP)
    scores = tf.where(rows < num_rows, scores, -np.inf)
    flat = [tf.shape(groups)[0], tf.shape(best)[1] * _GROUP]
    scores, places = tf.math.top_k(tf.reshape(scores, flat), count)
    return tf.cast(tf.gather(tf.reshape(rows, flat), places, batch_dims=1), tf.int64), scores
