# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Candidate answer spans, in the served graph: the best of a block, and what text they are."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from realm_tf.text import answer_matching

NO_ANSWER = tf.float32.min  # the score of a place without a span; JSON knows no infinity


class Spans(NamedTuple):
    """The best spans of blocks in the served graph, best first.

    Every tensor is [num_blocks, count].

    Attributes:
      logit: The reader's logits <float32>; `NO_ANSWER` where there is no span.
      first: Position of the first wordpiece in the joint sequence, <int32>.
      last: Position of the last wordpiece, included, <int32>.
    """

    logit: tf.Tensor
    first: tf.Tensor
    last: tf.Tensor


def best(logits: tf.Tensor, count: int) -> Spans:
    """Chooses the spans with the highest logits of every block.

    Args:
      logits: <float32>[num_blocks, joint_length, max_span_width]; [.., i, w] is the span from
        wordpiece i to wordpiece i + w, both included. Its last size is static.
      count: Number of spans of a block; where it has fewer, the last ones have `NO_ANSWER`.
    """
    width = logits.shape[-1]
    flat = tf.reshape(logits, [tf.shape(logits)[0], tf.shape(logits)[1] * width])
    total = tf.shape(flat)[1]
    logit, index = tf.math.top_k(flat, tf.minimum(count, total))
    missing = [[0, 0], [0, tf.maximum(count - total, 0)]]
    logit = tf.pad(logit, missing, constant_values=NO_ANSWER)
    index = tf.pad(index, missing)
    first = index // width
    return Spans(logit, first, first + index % width)


def normalize(text: tf.Tensor) -> tf.Tensor:
    """Normalises the texts of candidate spans as SQuAD does answers, in core ops.

    It is `realm_tf.text.answer_matching.normalize` but for Unicode's decomposition, which
    TensorFlow has no core op for. <string>[...] to <string>[...].
    """
    text = tf.strings.lower(text, encoding="utf-8")
    text = tf.strings.regex_replace(text, f"[{answer_matching.PUNCTUATION}]", "")
    text = tf.strings.regex_replace(text, r"\b(a|an|the)\b", " ")
    return tf.strings.strip(tf.strings.regex_replace(text, r"[\s\p{Z}]+", " "))
