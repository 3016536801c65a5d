# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The losses against NumPy in float64, and what the paper proves of their gradients."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.models import losses

B, K, M, V = 4, 3, 2, 7


def _rng(seed=0):
    return np.random.default_rng(seed)


def _softmax(x):
    e = np.exp(np.asarray(x, np.float64))
    return e / e.sum(-1, keepdims=True)


def _p_z(relevance, mask):
    """p(z given x) by its definition, in float64."""
    e = np.exp(np.asarray(relevance, np.float64)) * mask
    return e / e.sum(-1, keepdims=True)


@pytest.fixture
def example():
    rng = _rng()
    mask = np.ones((B, K), np.int32)
    mask[1, 2] = mask[2, 1] = mask[2, 2] = 0
    weights = np.ones((B, M), np.float32)
    weights[0, 1] = 0
    return {
        "relevance": rng.normal(0, 2, (B, K)).astype(np.float32),
        "mask": mask,
        "logits": rng.normal(0, 2, (B, K, M, V)).astype(np.float32),
        "targets": rng.integers(0, V, (B, M)).astype(np.int32),
        "weights": weights,
    }


def _p_y(example):
    """p(y_m given z, x), <float64>[B, K, M]."""
    p, targets = _softmax(example["logits"]), example["targets"]
    return np.stack([[p[b, :, m, targets[b, m]] for m in range(M)] for b in range(B)]).transpose(
        0, 2, 1
    )


def test_log_retrieval_is_a_softmax_over_the_candidates_that_exist(example):
    log_p = losses.log_retrieval(example["relevance"], example["mask"]).numpy()
    np.testing.assert_allclose(
        np.exp(log_p), _p_z(example["relevance"], example["mask"]), rtol=1e-5, atol=1e-30
    )


def test_log_retrieval_of_one_candidate_is_certain():
    log_p = losses.log_retrieval(tf.constant([[7.0], [-90.0]]), tf.ones([2, 1], tf.int32))
    np.testing.assert_array_equal(log_p, np.zeros((2, 1)))


def test_documents_alone_share_what_the_null_block_leaves():
    p_z = np.array([[0.5, 0.1, 0.4], [1, 0, 0]], np.float32)
    found = losses.without_null(tf.constant(p_z)).numpy()
    np.testing.assert_allclose(found, [[0.2, 0.8], [0, 0]], rtol=1e-6)


def test_masked_candidate_has_no_gradient(example):
    relevance = tf.constant(example["relevance"])
    with tf.GradientTape() as tape:
        tape.watch(relevance)
        best = losses.log_retrieval(relevance, example["mask"])[:, 0]
    gradient = tape.gradient(best, relevance).numpy()
    assert (gradient[example["mask"] == 0] == 0).all()
    assert (gradient[:2, :2] != 0).all()


def test_row_without_candidates_is_finite_in_value_and_gradient():
    relevance = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    with tf.GradientTape() as tape:
        tape.watch(relevance)
        log_p_z = losses.log_retrieval(relevance, [[0, 0], [1, 1]])
        loss = losses.masked_lm_loss(log_p_z, tf.fill([2, 2, 1], -3.0), tf.ones([2, 1]))
    assert np.isfinite(log_p_z).all()
    assert np.isfinite(loss)
    assert np.isfinite(tape.gradient(loss, relevance)).all()


def test_log_token(example):
    log_p = losses.log_token(example["logits"], example["targets"])
    np.testing.assert_allclose(np.exp(log_p), _p_y(example), rtol=1e-5)


def _model(example):
    log_p_z = losses.log_retrieval(example["relevance"], example["mask"])
    return log_p_z, losses.log_token(example["logits"], example["targets"])


def _token_likelihoods(example):
    p_z = _p_z(example["relevance"], example["mask"])
    return np.einsum("bk,bkm->bm", p_z, _p_y(example))


def _span_likelihoods(example):
    p_z = _p_z(example["relevance"], example["mask"])
    spans = np.prod(np.where(example["weights"][:, None] > 0, _p_y(example), 1.0), axis=-1)
    return np.einsum("bk,bk->b", p_z, spans)


def test_token_objective(example):
    np.testing.assert_allclose(
        losses.log_marginal_tokens(*_model(example)), np.log(_token_likelihoods(example)), rtol=1e-5
    )
    expected = -(np.log(_token_likelihoods(example)) * example["weights"]).sum() / 7
    loss = losses.masked_lm_loss(*_model(example), example["weights"])
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_span_objective(example):
    log_p = losses.log_marginal_span(*_model(example), example["weights"])
    np.testing.assert_allclose(log_p, np.log(_span_likelihoods(example)), rtol=1e-5)
    expected = -np.log(_span_likelihoods(example)).sum() / 7
    loss = losses.masked_lm_loss(*_model(example), example["weights"], objective="span")
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_objectives_agree_on_one_wordpiece_and_on_one_candidate(example):
    log_p_z, log_p_y = _model(example)
    for z, y, weights in (
        (log_p_z, log_p_y[:, :, :1], example["weights"][:, :1]),
        (tf.zeros([B, 1]), log_p_y[:, :1], example["weights"]),
    ):
        token = losses.masked_lm_loss(z, y, weights, objective="token")
        span = losses.masked_lm_loss(z, y, weights, objective="span")
        np.testing.assert_allclose(token, span, rtol=1e-6)


def test_unknown_objective_is_refused(example):
    with pytest.raises(ValueError, match=r"token or span\. Received: 'words'"):
        losses.masked_lm_loss(*_model(example), example["weights"], objective="words")


def test_loss_of_nothing_masked_is_zero(example):
    assert losses.masked_lm_loss(*_model(example), tf.zeros([B, M])).numpy() == 0


@pytest.mark.parametrize("objective", ["token", "span"])
def test_parts_of_a_batch_add_up_to_the_whole(example, objective):
    log_p_z, log_p_y = _model(example)
    weights = example["weights"]
    whole = losses.masked_lm_loss(log_p_z, log_p_y, weights, objective=objective)
    total = sum(
        losses.masked_lm_loss(
            log_p_z[part],
            log_p_y[part],
            weights[part],
            objective=objective,
            global_sum=lambda _: tf.reduce_sum(weights),
        )
        for part in (slice(0, 1), slice(1, None))
    )
    np.testing.assert_allclose(total, whole, rtol=1e-6)


def test_retriever_gradient_is_the_papers(example):
    """r(z) = (p(y given z,x) / p(y given x) - 1) p(z given x): the paper's appendix A."""
    relevance = tf.constant(example["relevance"])
    log_p_y = losses.log_token(example["logits"], example["targets"])
    with tf.GradientTape() as tape:
        tape.watch(relevance)
        log_p_z = losses.log_retrieval(relevance, example["mask"])
        likelihood = losses.log_marginal_span(log_p_z, log_p_y, example["weights"])
    p_z = _p_z(example["relevance"], example["mask"])
    spans = np.prod(np.where(example["weights"][:, None] > 0, _p_y(example), 1.0), axis=-1)
    expected = (spans / _span_likelihoods(example)[:, None] - 1) * p_z
    np.testing.assert_allclose(tape.gradient(likelihood, relevance), expected, atol=1e-6)


def test_ict_pairs_row_i_with_block_i():
    rng = _rng(1)
    queries, blocks = rng.normal(size=(2, B, 5)).astype(np.float32)
    logits, labels = losses.ict_logits_and_labels(queries, blocks)
    np.testing.assert_allclose(logits, queries @ blocks.T, rtol=1e-5, atol=1e-6)
    expected = -np.log(np.diagonal(_softmax(queries.astype(np.float64) @ blocks.T))).mean()
    np.testing.assert_array_equal(labels, range(B))
    np.testing.assert_allclose(losses.ict_loss(logits, labels), expected, rtol=1e-5)


def test_hard_negatives_stand_behind_the_block_of_their_query():
    rng = _rng(3)
    queries, blocks = rng.normal(size=(4, 5)), rng.normal(size=(4, 3, 5))
    logits, labels = losses.ict_logits_and_labels(
        tf.constant(queries, tf.float32), tf.constant(blocks, tf.float32)
    )
    assert labels.numpy().tolist() == [0, 3, 6, 9]
    expected = 0.0
    for query, own in zip(queries, blocks, strict=True):
        others = np.exp([query @ block for of_query in blocks for block in of_query])
        expected -= np.log(np.exp(query @ own[0]) / others.sum()) / 4
    np.testing.assert_allclose(losses.ict_loss(logits, labels), expected, rtol=1e-5)
    # Two replicas see the blocks of both.
    parts = []
    for replica in range(2):
        part = slice(2 * replica, 2 * replica + 2)
        across = losses.Collectives(
            gather=lambda x: tf.constant(blocks.reshape(12, 5), tf.float32),
            global_sum=lambda x: 2 * x,
            global_count=lambda x: 2 * x,
            replica_id=replica,
        )
        own = (tf.constant(x[part], tf.float32) for x in (queries, blocks))
        parts.append(
            losses.ict_loss(*losses.ict_logits_and_labels(*own, across), across.global_count)
        )
    np.testing.assert_allclose(sum(parts), expected, rtol=1e-5)


def test_ict_negatives_are_of_the_global_batch():
    rng = _rng(2)
    queries, blocks = rng.normal(size=(2, 6, 5)).astype(np.float32)
    whole = losses.ict_loss(*losses.ict_logits_and_labels(queries, blocks))
    total = 0.0
    for replica in range(3):
        part = slice(2 * replica, 2 * replica + 2)
        across = losses.Collectives(
            gather=lambda x: tf.constant(blocks),
            global_sum=lambda x: 3 * x,
            global_count=lambda x: 3 * x,
            replica_id=replica,
        )
        logits, labels = losses.ict_logits_and_labels(queries[part], blocks[part], across)
        assert logits.shape == (2, 6)
        np.testing.assert_array_equal(labels, [2 * replica, 2 * replica + 1])
        total += losses.ict_loss(logits, labels, across.global_count)
    np.testing.assert_allclose(total, whole, rtol=1e-6)


def _correct_example():
    rng = _rng(3)
    logits = rng.normal(0, 3, (5, 6)).astype(np.float32)
    mask, correct = rng.random((5, 6)) < 0.8, rng.random((5, 6)) < 0.5
    mask[:, 0] = True
    correct[1] = False  # nothing right among what was retrieved
    correct[2], mask[2, 1:] = [False, *[True] * 5], False  # right only where nothing is
    correct[3], mask[3] = True, True  # all right
    return logits, correct, mask


def test_marginal_correct_loss():
    logits, correct, mask = _correct_example()
    loss, has_correct = losses.marginal_correct_loss(logits, correct, mask)
    expected, found = 0.0, []
    for row, right, exists in zip(logits.astype(np.float64), correct, mask, strict=True):
        share = np.exp(row[right & exists]).sum() / np.exp(row[exists]).sum()
        found.append(share > 0)
        expected -= np.log(share) if share > 0 else 0.0
    assert found == [True, False, False, True, True]
    np.testing.assert_array_equal(has_correct, found)
    np.testing.assert_allclose(loss, expected / 5, rtol=1e-5)


def test_example_without_a_correct_entry_has_no_gradient():
    logits, correct, mask = _correct_example()
    logits = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss, _ = losses.marginal_correct_loss(logits, correct, mask)
    gradient = tape.gradient(loss, logits).numpy()
    assert np.isfinite(gradient).all()
    assert (gradient[1:3] == 0).all()
    np.testing.assert_allclose(gradient[3], 0, atol=1e-7)
    assert (gradient[0][mask[0]] != 0).all()
    assert (gradient[~mask] == 0).all()


def test_marginal_correct_loss_of_nothing_at_all():
    logits = tf.constant([[1.0, 2.0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss, has = losses.marginal_correct_loss(logits, [[True, True]], [[False, False]])
    assert (loss.numpy(), has.numpy().tolist()) == (0.0, [0.0])
    assert (tape.gradient(loss, logits).numpy() == 0).all()


def test_tagging_loss_is_the_mean_over_tags():
    logits = np.log([[[0.5, 0.25, 0.25], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]]]).astype(np.float32)
    targets, weights = np.array([[1, 1, 0]], np.int32), np.array([[1.0, 1.0, 0.0]], np.float32)
    loss = losses.tagging_loss(logits, targets, weights)
    assert float(loss) == pytest.approx(-(np.log(0.25) + np.log(0.8)) / 2, rel=1e-6)
    of_two = losses.tagging_loss(logits, targets, weights, lambda count: 2 * count)
    assert float(of_two) == pytest.approx(float(loss) / 2, rel=1e-6)
    assert float(losses.tagging_loss(logits, targets, 0 * weights)) == 0.0
