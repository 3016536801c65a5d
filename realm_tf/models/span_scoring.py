# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Scores all spans of a sequence (ORQA, Lee et al., 2019, section 5), and marks those that count.

The logit of the span from i to j is w . LayerNorm(ReLU(Ws h_i + We h_j)).
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class SpanHead(NamedTuple):
    """Weights of the span head behind Ws and We: LayerNorm and w; <float32> variables or tensors.

    Attributes:
      gamma: Scale of the LayerNorm, [span_size].
      beta: Offset of the LayerNorm, [span_size].
      kernel: Kernel of w, [span_size, 1].
      bias: Bias of w, [1].
    """

    gamma: tf.Tensor | tf.Variable
    beta: tf.Tensor | tf.Variable
    kernel: tf.Tensor | tf.Variable
    bias: tf.Tensor | tf.Variable


def score(projected: tf.Tensor, head: SpanHead, *, epsilon: float, width: int) -> tf.Tensor:
    """Scores every span of at most `width` wordpieces.

    Args:
      projected: Ws h and We h of every position, <float32>[batch_size, length, 2 * span_size].
      head: Weights of the span head.
      epsilon: Epsilon of the LayerNorm.
      width: Number of wordpieces of the widest span.

    Returns:
      <float32>[batch_size, length, width]; [i, w] is the span from i to i + w, both included. Spans
      that leave the sequence hold numbers too.
    """
    starts, ends = tf.split(projected, 2, axis=-1)
    length = tf.shape(starts)[1]
    padded = tf.pad(ends, [[0, 0], [0, width - 1], [0, 0]])
    return tf.stack(
        [logit(starts + padded[:, w : w + length], head, epsilon) for w in range(width)], axis=-1
    )


def logit(hidden: tf.Tensor, head: SpanHead, epsilon: float) -> tf.Tensor:
    """Computes the logit of spans, w . LayerNorm(ReLU(hidden)).

    Computed from mean, variance and one product instead of the normalised tensor, which would be
    the largest of the whole model: several times faster, the same to rounding.

    Args:
      hidden: Hidden states of the spans, <float32>[batch_size, length, span_size].
      head: Weights of the span head.
      epsilon: Epsilon of the LayerNorm.

    Returns:
      <float32>[batch_size, length].
    """
    size = hidden.shape[-1]
    weights = head.gamma * head.kernel[:, 0]
    hidden = tf.nn.relu(hidden)
    columns = tf.stack([weights, tf.fill([size], 1.0 / size)], axis=1)
    product, mean = tf.unstack(tf.einsum("bld,dk->blk", hidden, columns), axis=-1)
    variance = tf.reduce_mean(tf.square(hidden), axis=-1) - tf.square(mean)
    scale = tf.math.rsqrt(tf.maximum(variance, 0.0) + epsilon)
    bias = tf.reduce_sum(head.beta * head.kernel[:, 0]) + head.bias[0]
    return (product - mean * tf.reduce_sum(weights)) * scale + bias


def span_mask(body_mask: tf.Tensor, max_span_width: int) -> tf.Tensor:
    """Mask of the spans that count: their first and last wordpiece are of the block's text.

    Args:
      body_mask: 1 at the wordpieces of the body, <int32>[..., joint_length].
      max_span_width: Number of wordpieces of the longest span.

    Returns:
      <bool>[..., joint_length, max_span_width].
    """
    padding = [[0, 0]] * (len(body_mask.shape) - 1) + [[0, max_span_width - 1]]
    padded = tf.pad(body_mask, padding)
    length = tf.shape(body_mask)[-1]
    ends = tf.stack([padded[..., w : w + length] for w in range(max_span_width)], axis=-1)
    return tf.logical_and(tf.cast(body_mask, tf.bool)[..., tf.newaxis], tf.cast(ends, tf.bool))


def correct_spans(
    starts: tf.Tensor, ends: tf.Tensor, answer_mask: tf.Tensor, length: int, max_span_width: int
) -> tf.Tensor:
    """Marks the spans that are answers; those longer than `max_span_width` mark nothing.

    Args:
      starts: First wordpiece of every occurrence in the joint sequence, <int32>[..., max_answers].
      ends: Last wordpiece of every occurrence, included, <int32>[..., max_answers].
      answer_mask: 0 where an occurrence is padding, <int32>[..., max_answers].
      length: Length of the joint sequence.
      max_span_width: Number of wordpieces of the longest span.

    Returns:
      <bool>[..., length, max_span_width].
    """
    more = ends - starts
    is_span = tf.logical_and(more >= 0, more < max_span_width)
    is_span = tf.logical_and(is_span, tf.cast(answer_mask, tf.bool))
    index = tf.where(is_span, starts * max_span_width + more, -1)
    hits = tf.reduce_max(tf.one_hot(index, length * max_span_width, dtype=tf.int32), axis=-2)
    shape = tf.concat([tf.shape(hits)[:-1], [length, max_span_width]], 0)
    return tf.cast(tf.reshape(hits, shape), tf.bool)
