# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The losses, as pure functions of logits (Guu et al., 2020; Lee et al., 2019).

x is the query, z a retrieved block, y what is masked or answered. Losses return the sum over this
replica's examples divided by a count over the global batch, so that summed gradients are the same
for any number of replicas. What they need of other replicas they receive as `Collectives`:
collectives must be called at the top of the replica function, not inside a jitted one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

# Below every logit, so that no real entry is taken for padding; and finite, so that an all-masked
# row has finite values and gradients.
_MASKED = tf.float32.min


class Collectives(NamedTuple):
    """The collective operations by which a loss sees the other replicas.

    Attributes:
      gather: Function from this replica's [n, ...] to all replicas' [n * num_replicas, ...], in
        replica order; it is differentiable.
      global_sum: Function that sums a number over all replicas.
      global_count: Function from this replica's number of what a loss is a mean over to that of the
        global batch.
      replica_id: Place of this replica in the order of `gather`, <int32>[].
    """

    gather: Callable[[tf.Tensor], tf.Tensor]
    global_sum: Callable[[tf.Tensor], tf.Tensor]
    global_count: Callable[[tf.Tensor], tf.Tensor]
    replica_id: tf.Tensor | int


LOCAL = Collectives(
    gather=tf.identity, global_sum=tf.identity, global_count=tf.identity, replica_id=0
)


def log_retrieval(relevance: tf.Tensor, candidate_mask: tf.Tensor) -> tf.Tensor:
    """Log p(z given x): softmax of the inner products over the candidates, without temperature.

    Args:
      relevance: Inner products of query and blocks, <float32>[batch_size, num_candidates].
      candidate_mask: 0 where a candidate is padding, <int32>[batch_size, num_candidates].

    Returns:
      <float32>[batch_size, num_candidates], about float32's minimum where masked; in a row that
      is masked throughout, that of the uniform distribution.
    """
    mask = tf.cast(candidate_mask, tf.bool)
    return tf.nn.log_softmax(tf.where(mask, relevance, _MASKED), axis=-1)


def without_null(p_z: tf.Tensor) -> tf.Tensor:
    """p(z given x, z is not null): of the documents alone, whose null block is candidate 0.

    Args:
      p_z: p(z given x), <float32>[batch_size, num_candidates].

    Returns:
      <float32>[batch_size, num_candidates - 1]; zeros where all is on the null block.
    """
    return tf.math.divide_no_nan(p_z[:, 1:], tf.reduce_sum(p_z[:, 1:], axis=-1, keepdims=True))


def log_token(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """The reader's term of the loss: log p(y_m given z, x) of every masked wordpiece.

    Args:
      logits: Logits of the reader, <float32>[batch_size, num_candidates, num_masks, vocab_size].
      targets: Ids of the masked wordpieces, <int32>[batch_size, num_masks].

    Returns:
      <float32>[batch_size, num_candidates, num_masks].
    """
    shape = tf.shape(logits)
    labels = tf.broadcast_to(targets[:, tf.newaxis, :], shape[:-1])
    return -tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


def log_marginal_tokens(log_p_z: tf.Tensor, log_p_y: tf.Tensor) -> tf.Tensor:
    """Log sum_z p(z given x) p(y_m given z, x), for each masked wordpiece on its own.

    The original code's objective. Shapes: [batch_size, num_candidates] and [batch_size,
    num_candidates, num_masks] to [batch_size, num_masks].
    """
    return tf.reduce_logsumexp(log_p_z[:, :, tf.newaxis] + log_p_y, axis=1)


def log_marginal_span(log_p_z: tf.Tensor, log_p_y: tf.Tensor, mask_weights: tf.Tensor) -> tf.Tensor:
    """Log sum_z p(z given x) prod_m p(y_m given z, x): the paper's equation 1 over the span.

    Shapes: as `log_marginal_tokens`, and [batch_size, num_masks] weights, to [batch_size].
    """
    span = tf.reduce_sum(log_p_y * mask_weights[:, tf.newaxis, :], axis=-1)
    return tf.reduce_logsumexp(log_p_z + span, axis=-1)


def masked_lm_loss(
    log_p_z: tf.Tensor,
    log_p_y: tf.Tensor,
    mask_weights: tf.Tensor,
    *,
    objective: str = "token",
    global_sum: Callable[[tf.Tensor], tf.Tensor] = tf.identity,
) -> tf.Tensor:
    """The pre-training loss: minus the marginal log-likelihood per masked wordpiece.

    Args:
      log_p_z: Result of `log_retrieval`, <float32>[batch_size, num_candidates].
      log_p_y: Result of `log_token`, <float32>[batch_size, num_candidates, num_masks].
      mask_weights: Weights of the masks, 0 at padding, <float32>[batch_size, num_masks].
      objective: Objective to use: "token" (the original code) or "span" (the paper).
      global_sum: Function that sums a number over all replicas.

    Returns:
      <float32>[]: this replica's sum over the global number of masked wordpieces.
    """
    if objective == "token":
        total = tf.reduce_sum(log_marginal_tokens(log_p_z, log_p_y) * mask_weights)
    elif objective == "span":
        total = tf.reduce_sum(log_marginal_span(log_p_z, log_p_y, mask_weights))
    else:
        raise ValueError(f"objective must be token or span. Received: {objective!r}.")
    count = global_sum(tf.reduce_sum(mask_weights))
    return -tf.math.divide_no_nan(total, count)


def ict_logits_and_labels(
    query_emb: tf.Tensor, block_emb: tf.Tensor, collectives: Collectives = LOCAL
) -> tuple[tf.Tensor, tf.Tensor]:
    """Every query of this replica against every block of the global batch (ORQA, section 4).

    Args:
      query_emb: Query vectors <float32>[batch_size, embed_dim].
      block_emb: Block vectors <float32>[batch_size, embed_dim]; row i is the block of query i. Or
        <float32>[batch_size, n, embed_dim]: besides it n - 1 hard negatives of query i, which are
        negatives of all other queries, too (Karpukhin et al., 2020, section 3.2).
      collectives: The collective operations of the replicas.

    Returns:
      <float32>[batch_size, global batch * n] logits and <int32>[batch_size] labels.
    """
    batch_size, embed_dim = tf.unstack(tf.shape(query_emb))
    flat = tf.reshape(block_emb, [-1, embed_dim])
    logits = tf.matmul(query_emb, collectives.gather(flat), transpose_b=True)
    first = tf.range(batch_size) + collectives.replica_id * batch_size
    return logits, first * (tf.shape(flat)[0] // batch_size)


def ict_loss(
    logits: tf.Tensor,
    labels: tf.Tensor,
    global_sum: Callable[[tf.Tensor], tf.Tensor] = tf.identity,
) -> tf.Tensor:
    """The inverse-cloze loss: softmax cross-entropy, mean over the global batch. <float32>[]."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    return tf.reduce_sum(losses) / global_sum(tf.cast(tf.size(losses), tf.float32))


def _log_correct(logits: tf.Tensor, correct: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Log of the probability that falls on correct entries. All [batch_size, n] to [batch_size]."""
    # Not as a difference of two sums: where inner products are in the hundreds, as the embedder's
    # are, that would lose the loss's digits.
    log_p = tf.nn.log_softmax(tf.where(mask, logits, _MASKED), axis=-1)
    right = tf.where(tf.logical_and(correct, mask), log_p, _MASKED)
    return tf.reduce_logsumexp(right, axis=-1)


def marginal_correct_loss(
    logits: tf.Tensor,
    correct: tf.Tensor,
    mask: tf.Tensor,
    global_sum: Callable[[tf.Tensor], tf.Tensor] = tf.identity,
) -> tuple[tf.Tensor, tf.Tensor]:
    """ORQA's two losses have this one form: minus log of the probability of all correct entries.

    The retriever loss is over the searched blocks, the reader loss over all spans of the blocks
    that were read. An example with no correct entry has loss zero and is counted.

    Args:
      logits: Logits of the entries, <float32>[batch_size, n].
      correct: Whether each entry is correct, <bool>[batch_size, n].
      mask: Whether each entry exists, <bool>[batch_size, n].
      global_sum: Function that sums a number over all replicas.

    Returns:
      <float32>[] loss: sum over the global batch's number of examples; and <float32>[batch_size],
      1 where an example has a correct entry.
    """
    has_correct = tf.reduce_any(tf.logical_and(correct, mask), axis=-1)
    losses = tf.where(has_correct, -_log_correct(logits, correct, mask), 0.0)
    count = global_sum(tf.cast(tf.size(losses), tf.float32))
    return tf.reduce_sum(losses) / count, tf.cast(has_correct, tf.float32)


def tagging_loss(
    logits: tf.Tensor,
    targets: tf.Tensor,
    weights: tf.Tensor,
    global_sum: Callable[[tf.Tensor], tf.Tensor] = tf.identity,
) -> tf.Tensor:
    """The loss of the span tagger: mean negative log-probability of the right tags.

    Args:
      logits: Logits of the tagger, <float32>[batch_size, length, num_tags].
      targets: Numbers of the right tags, <int32>[batch_size, length].
      weights: Weights of the tags, 0 where there is no tag, <float32>[batch_size, length].
      global_sum: Function that sums a number over all replicas.

    Returns:
      <float32>[], the sum over this replica divided by the global number of tags.
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)
    count = global_sum(tf.reduce_sum(weights))
    return tf.math.divide_no_nan(tf.reduce_sum(losses * weights), count)
