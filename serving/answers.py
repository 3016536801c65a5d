# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""From candidate spans to distinct answers with probabilities, in the served graph.

Spans with the same text (normalised) are one answer, wherever they stand; its share is the sum of
theirs in the softmax over all spans. Answers are taken in the order of their shares, and none that
overlaps a place of one taken before: of "Nigeria" and "Nigeria mark Abuja" in one place only the
better is an answer. A probability is a share that is calibrated with a temperature, which changes
no order: shares to the power of 1 / temperature, normalised again.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from serving import spans

_LEAST = 1e-6  # what probabilities are kept away from 0 and 1 by, where their odds are taken


class Candidates(NamedTuple):
    """The candidate spans that distinct answers are made from, of all blocks that were read.

    Every tensor but the last is [batch_size, count], best first.

    Attributes:
      score: The retriever's logit plus the reader's, <float32>; `spans.NO_ANSWER` without a span.
      reader_score: The reader's logit, <float32>.
      retrieval_score: The retriever's logit, <float32>.
      slot: Number of the block among those that were read, <int32>.
      byte_start: First byte in the text of the block, <int32>.
      byte_limit: One past the last byte, <int32>.
      text: Text of the span, <string>.
      log_mass: Logarithm of the sum of exp(score) over *all* spans of the blocks,
        <float32>[batch_size].
    """

    score: tf.Tensor
    reader_score: tf.Tensor
    retrieval_score: tf.Tensor
    slot: tf.Tensor
    byte_start: tf.Tensor
    byte_limit: tf.Tensor
    text: tf.Tensor
    log_mass: tf.Tensor


class Ranked(NamedTuple):
    """Distinct answers, best first, in the served graph.

    Attributes:
      place: Number of the candidate that is the evidence, <int32>[batch_size, count].
      probability: <float32>[batch_size, count]; 0 in a place without an answer.
      entropy: Entropy of the answers' probabilities, in nats, <float32>[batch_size].
    """

    place: tf.Tensor
    probability: tf.Tensor
    entropy: tf.Tensor


def rank(candidates: Candidates, temperature: tf.Tensor | float, count: tf.Tensor) -> Ranked:
    """Ranks the distinct answers of candidate spans.

    Args:
      candidates: Candidate spans.
      temperature: Temperature that calibrates the probabilities.
      count: Number of answers.
    """
    keys = tf.strings.to_hash_bucket_fast(spans.normalize(candidates.text), 2**63 - 1)
    # A text of which normalising leaves nothing is no answer, as in the metrics.
    nothing = tf.strings.to_hash_bucket_fast("", 2**63 - 1)
    is_answer = (candidates.score > spans.NO_ANSWER) & (keys != nothing)
    mass = tf.exp(candidates.score - candidates.log_mass[:, tf.newaxis])
    mass = tf.where(is_answer, mass, 0.0)
    same = keys[:, :, tf.newaxis] == keys[:, tf.newaxis, :]
    same &= is_answer[:, :, tf.newaxis] & is_answer[:, tf.newaxis, :]
    share = tf.reduce_sum(tf.where(same, mass[:, tf.newaxis, :], 0.0), axis=-1)
    share = tf.minimum(share, 1.0)
    # Of the places of an answer the first, which is its best.
    first = tf.argmax(tf.cast(same, tf.int32), axis=-1, output_type=tf.int32)
    is_first = is_answer & (first == tf.range(tf.shape(keys)[1]))
    probability = _calibrated(share, is_first, temperature)
    place, found = _distinct(share, is_answer, same, _overlap(candidates), count)
    found = tf.where(found > 0, tf.gather(probability, place, batch_dims=1), 0.0)
    of_each = tf.where(is_first, probability, 0.0)
    entropy = -tf.reduce_sum(of_each * tf.math.log(tf.maximum(of_each, _LEAST)), axis=-1)
    return Ranked(place, found, entropy)


def _calibrated(share: tf.Tensor, is_first: tf.Tensor, temperature: tf.Tensor | float) -> tf.Tensor:
    """Probabilities of answers <float32>[batch_size, count], in the order of their shares.

    Together they have what the shares have together; the rest is that of spans that are no
    candidates.
    """
    power = tf.pow(share, 1.0 / temperature)
    covered, total = (
        tf.reduce_sum(tf.where(is_first, x, 0.0), axis=-1, keepdims=True) for x in (share, power)
    )
    return tf.minimum(tf.math.divide_no_nan(power * covered, total), 1.0)


def _overlap(candidates: Candidates) -> tf.Tensor:
    """Whether two candidates share a byte of one block, <bool>[batch_size, count, count]."""
    slot, start, limit = candidates.slot, candidates.byte_start, candidates.byte_limit
    before = start[:, :, tf.newaxis] < limit[:, tf.newaxis, :]
    one_block = slot[:, :, tf.newaxis] == slot[:, tf.newaxis, :]
    return one_block & before & tf.transpose(before, [0, 2, 1])


def _distinct(
    share: tf.Tensor,
    is_answer: tf.Tensor,
    same: tf.Tensor,
    overlap: tf.Tensor,
    count: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Takes the answer with the largest share, leaves out what repeats or overlaps it, and so on.

    Returns:
      Numbers of candidates <int32> and shares <float32>, both [batch_size, count].
    """
    batch_size = tf.shape(share)[0]

    def body(left: tf.Tensor, places: tf.Tensor, found: tf.Tensor) -> tuple[tf.Tensor, ...]:
        open_ = tf.where(left, share, -1.0)
        place = tf.argmax(open_, axis=-1, output_type=tf.int32)  # of an answer, its best span
        best = tf.maximum(tf.gather(open_, place, batch_dims=1), 0.0)
        members = tf.gather(same, place, batch_dims=1)
        touched = tf.reduce_any(overlap & members[:, :, tf.newaxis], axis=1)
        places = tf.concat([places, place[:, tf.newaxis]], axis=1)
        found = tf.concat([found, best[:, tf.newaxis]], axis=1)
        return left & ~members & ~touched, places, found

    empty = [batch_size, 0]
    any_shape = tf.TensorShape([None, None])
    _, places, found = tf.while_loop(
        lambda left, places, found: tf.shape(places)[1] < count,
        body,
        (is_answer, tf.zeros(empty, tf.int32), tf.zeros(empty)),
        shape_invariants=(is_answer.shape, any_shape, any_shape),
    )
    return places, found


def features(
    candidates: Candidates, ranked: Ranked, retrieval_score: tf.Tensor, is_read: tf.Tensor
) -> tf.Tensor:
    """What tells whether there is evidence: `evaluation.calibration.FEATURES`, in their order.

    Args:
      candidates: Candidate spans of questions.
      ranked: Their answers.
      retrieval_score: Scores of the blocks, <float32>[batch_size, num_blocks].
      is_read: Which of them were read, <bool>[batch_size, num_blocks].

    Returns:
      <float32>[batch_size, num_features]; all 0 where no block was read.
    """
    top = tf.clip_by_value(ranked.probability[:, 0], _LEAST, 1.0 - _LEAST)
    scores = tf.where(is_read, retrieval_score, 0.0)
    mean = tf.math.divide_no_nan(
        tf.reduce_sum(scores, -1), tf.reduce_sum(tf.cast(is_read, tf.float32), -1)
    )
    best = tf.reduce_max(tf.where(is_read, retrieval_score, tf.float32.min), -1)
    reader = tf.gather(candidates.reader_score, ranked.place[:, 0], batch_dims=1)
    columns = [tf.math.log(top / (1.0 - top)), ranked.entropy, best, best - mean, reader]
    some = tf.reduce_any(is_read, axis=-1)[:, tf.newaxis]
    return tf.where(some, tf.stack(columns, axis=-1), 0.0)
