# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""From the logits of all spans to the few that are shown."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

NO_ANSWER = tf.float32.min  # the score of a place without a span; JSON knows no infinity


class Candidates(NamedTuple):
    """Spans of the blocks that were read, best first; all are [batch_size, count].

    Attributes:
      score: <float32> logits, `NO_ANSWER` where there is no span.
      slot: <int64> number of the block among those that were read.
      first: <int64> position of the first wordpiece in the joint sequence.
      last: <int64> position of the last wordpiece, included.
    """

    score: tf.Tensor
    slot: tf.Tensor
    first: tf.Tensor
    last: tf.Tensor


def best(logits: tf.Tensor, count: int) -> Candidates:
    """The spans of highest logit over all blocks.

    Args:
      logits: <float32>[batch_size, num_read, joint_length, max_span_width]; [.., i, w] is the span
        from wordpiece i to wordpiece i + w, both included. All but the first size are static.
      count: Spans to take, if there are as many.
    """
    num_read, length, width = logits.shape[1:]
    total = num_read * length * width
    score, index = tf.math.top_k(tf.reshape(logits, [-1, total]), min(count, total))
    index = tf.cast(index, tf.int64)
    first = index // width % length
    return Candidates(score, index // (width * length), first, first + index % width)


def distinct(candidates: Candidates, texts: tf.Tensor, count: int) -> Candidates:
    """The first of the candidates, without those that repeat a better one.

    A candidate repeats another if both are in one block and their normalised texts are equal.

    Args:
      candidates: Best first.
      texts: <string>[batch_size, num_candidates] their texts.
      count: Candidates to keep; what is missing has the score `NO_ANSWER`.
    """
    keys, slot = normalize(texts), candidates.slot
    same = tf.logical_and(
        keys[:, :, tf.newaxis] == keys[:, tf.newaxis, :],
        slot[:, :, tf.newaxis] == slot[:, tf.newaxis, :],
    )
    num_candidates = texts.shape[1]
    rank = tf.range(num_candidates)
    is_better = rank[tf.newaxis, :] < rank[:, tf.newaxis]
    repeats = tf.reduce_any(tf.logical_and(same, is_better), axis=-1)
    score = tf.where(repeats, NO_ANSWER, candidates.score)
    score, kept = tf.math.top_k(score, min(count, num_candidates))
    rest = (tf.gather(x, kept, batch_dims=1) for x in candidates[1:])
    return Candidates(score, *rest)


def normalize(text: tf.Tensor) -> tf.Tensor:
    """Lower case, no punctuation, no articles, single spaces: SQuAD's normalisation in core ops.

    It is `realm_tf.text.answers.normalize` but for Unicode's decomposition, which TensorFlow has
    no core op for. <string>[...] to <string>[...].
    """
    text = tf.strings.lower(text, encoding="utf-8")
    text = tf.strings.regex_replace(text, "[[:punct:]]", "")
    text = tf.strings.regex_replace(text, r"\b(a|an|the)\b", " ")
    return tf.strings.strip(tf.strings.regex_replace(text, r"\s+", " "))
