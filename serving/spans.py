# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Chooses the answer spans that are shown from the logits of all spans, in the served graph."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from realm_tf.text import answer_matching

NO_ANSWER = tf.float32.min  # the score of a place without a span; JSON knows no infinity


class Candidates(NamedTuple):
    """Candidate answer spans of the read blocks in the served graph, best first.

    Every tensor is [batch_size, count].

    Attributes:
      score: Logits <float32>; `NO_ANSWER` where there is no span.
      slot: Number of the block among those that were read, <int64>.
      first: Position of the first wordpiece in the joint sequence, <int64>.
      last: Position of the last wordpiece, included, <int64>.
    """

    score: tf.Tensor
    slot: tf.Tensor
    first: tf.Tensor
    last: tf.Tensor


def best(logits: tf.Tensor, count: int) -> Candidates:
    """Chooses the candidate spans with the highest logits over all blocks, in the served graph.

    Args:
      logits: <float32>[batch_size, num_read, joint_length, max_span_width]; [.., i, w] is the span
        from wordpiece i to wordpiece i + w, both included. All but the first size are static.
      count: Number of spans to take, if there are as many.
    """
    num_read, length, width = logits.shape[1:]
    total = num_read * length * width
    score, index = tf.math.top_k(tf.reshape(logits, [-1, total]), min(count, total))
    index = tf.cast(index, tf.int64)
    first = index // width % length
    return Candidates(score, index // (width * length), first, first + index % width)


def distinct(candidates: Candidates, texts: tf.Tensor, count: int) -> Candidates:
    """Chooses the best candidate spans, without those whose text repeats a better one.

    A candidate repeats another if both are in one block and their normalised texts are equal.

    Args:
      candidates: Candidate spans, best first.
      texts: Texts of the candidates, <string>[batch_size, num_candidates].
      count: Number of candidates to keep; those that are missing have the score `NO_ANSWER`.
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
    """Normalises answers as SQuAD does (case, punctuation, articles, spaces), in core ops.

    It is `realm_tf.text.answer_matching.normalize` but for Unicode's decomposition, which
    TensorFlow has no core op for. <string>[...] to <string>[...].
    """
    text = tf.strings.lower(text, encoding="utf-8")
    text = tf.strings.regex_replace(text, f"[{answer_matching.PUNCTUATION}]", "")
    text = tf.strings.regex_replace(text, r"\b(a|an|the)\b", " ")
    return tf.strings.strip(tf.strings.regex_replace(text, r"[\s\p{Z}]+", " "))
