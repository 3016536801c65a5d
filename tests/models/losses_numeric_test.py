# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The losses over grids of shapes, against float64 and its differences, and at extreme logits."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.models import losses
from tests.parity import numpy_realm

# Batch size, candidates, masked wordpieces, vocabulary.
SHAPES = [(1, 1, 1, 2), (1, 8, 3, 50), (5, 1, 2, 7), (3, 4, 10, 5), (16, 2, 1, 11), (2, 50, 2, 3)]
OBJECTIVES = ["token", "span"]
STEP = 1e-5

grid = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))
objectives = pytest.mark.parametrize("objective", OBJECTIVES)


def _example(shape, *, scale=2.0, seed=0, padded=True):
    """Logits, relevance, targets, weights and candidate mask."""
    batch_size, candidates, masks, vocab = shape
    rng = np.random.default_rng(seed)
    weights = np.ones((batch_size, masks), np.float32)
    mask = np.ones((batch_size, candidates), np.int32)
    if padded:
        weights[:, 1:] = rng.random((batch_size, masks - 1)) < 0.7
        mask[:, 1:] = rng.random((batch_size, candidates - 1)) < 0.7
    return {
        "relevance": rng.normal(0, scale, (batch_size, candidates)).astype(np.float32),
        "logits": rng.normal(0, scale, shape).astype(np.float32),
        "targets": rng.integers(0, vocab, (batch_size, masks)).astype(np.int32),
        "weights": weights,
        "mask": mask,
    }


def _marginal(relevance, logits, targets, weights, mask, *, objective="token"):
    """The pre-training loss, and its gradients by relevance and logits."""
    relevance, logits = tf.constant(relevance), tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch([relevance, logits])
        log_p_z = losses.log_retrieval(relevance, mask)
        log_p_y = losses.log_token(logits, targets)
        loss = losses.masked_lm_loss(log_p_z, log_p_y, weights, objective=objective)
    return [x.numpy() for x in (loss, *tape.gradient(loss, [relevance, logits]))]


def _log_sum(x, axis):
    most = x.max(axis, keepdims=True)
    return (most + np.log(np.exp(x - most).sum(axis, keepdims=True))).squeeze(axis)


def _expected_marginal(relevance, logits, targets, weights, mask, *, objective="token"):
    """The same loss in float64, in logarithms throughout, so that extremes have a value, too."""
    scores = np.where(mask > 0, np.asarray(relevance, np.float64), -np.inf)
    log_p_z = numpy_realm.log_softmax(scores)
    every = numpy_realm.log_softmax(np.asarray(logits, np.float64))
    index = np.broadcast_to(targets[:, None, :, None], (*every.shape[:-1], 1))
    log_p_y = np.take_along_axis(every, index, -1)[..., 0]
    if objective == "token":
        total = (_log_sum(log_p_z[:, :, None] + log_p_y, 1) * weights).sum()
    else:
        total = _log_sum(log_p_z + (log_p_y * weights[:, None]).sum(-1), 1).sum()
    return -total / weights.sum()


def _check_slope(function, array, gradient, seed=1):
    """The gradient in a random direction, against central differences in float64."""
    direction = np.random.default_rng(seed).normal(size=array.shape)
    direction /= np.linalg.norm(direction)
    up, down = (function(array.astype(np.float64) + s * STEP * direction) for s in (1, -1))
    found = np.vdot(gradient.astype(np.float64), direction)
    np.testing.assert_allclose(found, (up - down) / (2 * STEP), rtol=1e-4, atol=1e-6)


@grid
@objectives
def test_marginal_loss_and_gradients(shape, objective):
    example = _example(shape)
    loss, by_relevance, by_logits = _marginal(**example, objective=objective)
    expected = functools.partial(_expected_marginal, objective=objective)
    np.testing.assert_allclose(loss, expected(**example), rtol=1e-5)
    for name, gradient in (("relevance", by_relevance), ("logits", by_logits)):

        def changed(value, name=name):
            return expected(**example | {name: value})

        _check_slope(changed, example[name], gradient)


@grid
def test_retriever_gradient_of_the_token_loss_is_the_papers(shape):
    """The sum over masked wordpieces of r(z) = (p(y given z,x) / p(y given x) - 1) p(z given x)."""
    example = _example(shape)
    _, by_relevance, _ = _marginal(**example)
    scores = np.where(example["mask"] > 0, example["relevance"].astype(np.float64), -np.inf)
    p_z = np.exp(numpy_realm.log_softmax(scores))[:, :, None]
    every = np.exp(numpy_realm.log_softmax(example["logits"].astype(np.float64)))
    index = np.broadcast_to(example["targets"][:, None, :, None], (*every.shape[:-1], 1))
    p_y = np.take_along_axis(every, index, -1)[..., 0]
    r = (p_y / (p_z * p_y).sum(1, keepdims=True) - 1) * p_z
    expected = -(r * example["weights"][:, None]).sum(-1) / example["weights"].sum()
    np.testing.assert_allclose(by_relevance, expected, atol=1e-6)


# Rows with the correct entries and those that exist, of lengths as searched blocks and as spans.
ROWS = [(1, 1), (4, 2), (3, 7), (2, 5000)]


def _correct_example(rows, *, scale=3.0, seed=0):
    rng = np.random.default_rng(seed)
    correct, mask = rng.random(rows) < 0.4, rng.random(rows) < 0.8
    correct[:, 0] = mask[:, 0] = True
    if rows[0] > 1:
        correct[-1] = False
    return rng.normal(0, scale, rows).astype(np.float32), correct, mask


def _correct(logits, correct, mask):
    logits = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss, found = losses.marginal_correct_loss(logits, correct, mask)
    return loss.numpy(), tape.gradient(loss, logits).numpy(), found.numpy()


def _expected_correct(logits, correct, mask):
    rows = zip(np.asarray(logits, np.float64), correct, mask, strict=True)
    return sum(numpy_realm.correct_loss(*row) for row in rows) / len(logits)


@pytest.mark.parametrize("rows", ROWS, ids=str)
@pytest.mark.parametrize("seed", [0, 1])
def test_marginal_correct_loss_and_gradients(rows, seed):
    logits, correct, mask = _correct_example(rows, seed=seed)
    loss, gradient, _ = _correct(logits, correct, mask)
    np.testing.assert_allclose(loss, _expected_correct(logits, correct, mask), rtol=1e-5, atol=1e-6)
    _check_slope(lambda value: _expected_correct(value, correct, mask), logits, gradient)


@pytest.mark.parametrize("offset", [130.0, 5e3])
def test_marginal_correct_loss_does_not_lose_digits_in_large_logits(offset):
    """Inner products of a base-size embedder are about 130, where float32 has steps of 1.5e-5."""
    logits, correct, mask = _correct_example((4, 7))
    logits = (np.round(logits * 64) / 64 + offset).astype(np.float32)
    loss, _, _ = _correct(logits, correct, mask)
    np.testing.assert_allclose(loss, _expected_correct(logits, correct, mask), atol=5e-7)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 5), (64, 16)], ids=str)
def test_ict_loss_and_gradients(size):
    query, block = np.random.default_rng(0).normal(size=(2, *size)).astype(np.float32)

    def expected(query, block):
        scores = query.astype(np.float64) @ block.astype(np.float64).T
        return -np.diagonal(numpy_realm.log_softmax(scores)).mean()

    variables = [tf.constant(query), tf.constant(block)]
    with tf.GradientTape() as tape:
        tape.watch(variables)
        loss = losses.ict_loss(*losses.ict_logits_and_labels(*variables))
    by_query, by_block = (g.numpy() for g in tape.gradient(loss, variables))
    np.testing.assert_allclose(loss, expected(query, block), rtol=1e-5, atol=1e-6)
    _check_slope(lambda value: expected(value, block), query, by_query)
    _check_slope(lambda value: expected(query, value), block, by_block)


MAGNITUDES = [1e4, -1e4, 1e9, -1e9]
extremes = pytest.mark.parametrize("magnitude", MAGNITUDES)


def _scaled(values, magnitude):
    """Every second entry at the magnitude, the others near zero: both ends of the range meet."""
    where = np.arange(values.size).reshape(values.shape) % 2 == 0
    return np.where(where, np.float32(magnitude), values).astype(np.float32)


@extremes
@objectives
@grid
@pytest.mark.parametrize("which", ["relevance", "logits", "both"])
def test_extreme_logits_have_finite_and_right_losses(shape, objective, magnitude, which):
    example = _example(shape)
    for name in ("relevance", "logits"):
        if which in (name, "both"):
            example[name] = _scaled(example[name], magnitude)
    results = _marginal(**example, objective=objective)
    assert all(np.isfinite(part).all() for part in results)
    expected = _expected_marginal(**example, objective=objective)
    np.testing.assert_allclose(results[0], expected, rtol=1e-5, atol=1e-6)
    assert (results[1][example["mask"] == 0] == 0).all()


@extremes
@objectives
@pytest.mark.parametrize("shape", [(3, 4, 2, 5), (2, 1, 1, 3)], ids=str)
def test_rows_without_candidates_are_finite(shape, objective, magnitude):
    example = _example(shape)
    example["relevance"] = _scaled(example["relevance"], magnitude)
    example["mask"][0] = 0
    for mask in (example["mask"], np.zeros_like(example["mask"])):
        results = _marginal(**example | {"mask": mask}, objective=objective)
        assert all(np.isfinite(part).all() for part in results)
        assert (results[1][0] == 0).all()


@extremes
@objectives
def test_batch_without_masked_wordpieces_has_loss_and_gradients_zero(objective, magnitude):
    example = _example((3, 4, 2, 5))
    example["logits"] = _scaled(example["logits"], magnitude)
    example["weights"][:] = 0
    for part in _marginal(**example, objective=objective):
        assert (part == 0).all()


@objectives
def test_batch_without_padding_equals_one_with_it(objective):
    example = _example((3, 4, 2, 5), padded=False)
    longer = {
        "relevance": np.pad(example["relevance"], [(0, 0), (0, 3)], constant_values=1e9),
        "mask": np.pad(example["mask"], [(0, 0), (0, 3)]),
        "logits": np.pad(example["logits"], [(0, 0), (0, 3), (0, 1), (0, 0)], constant_values=9),
        "targets": np.pad(example["targets"], [(0, 0), (0, 1)]),
        "weights": np.pad(example["weights"], [(0, 0), (0, 1)]),
    }
    plain, padded = (_marginal(**x, objective=objective) for x in (example, longer))
    np.testing.assert_allclose(padded[0], plain[0], rtol=1e-6)
    np.testing.assert_allclose(padded[1][:, :4], plain[1], atol=1e-7)
    np.testing.assert_allclose(padded[2][:, :4, :2], plain[2], atol=1e-7)
    assert (padded[1][:, 4:] == 0).all()
    assert (padded[2][:, 4:] == 0).all()


@extremes
def test_a_very_bad_candidate_is_not_taken_for_padding(magnitude):
    """A real candidate outweighs padding, however low it is scored."""
    mask = np.array([[1, 0, 0]], np.int32)
    log_p = losses.log_retrieval(np.float32([[-abs(magnitude), 0, 0]]), mask)
    np.testing.assert_allclose(np.exp(log_p), mask, atol=1e-6)
    logits = np.float32([[-abs(magnitude), -2 * abs(magnitude), 5]])
    exists = np.array([[True, True, False]])
    for right, expected in (([True, False, False], 0.0), ([False, True, False], abs(magnitude))):
        loss, _, found = _correct(logits, np.array([right]), exists)
        np.testing.assert_allclose(loss, expected, rtol=1e-6, atol=1e-6)
        assert found.tolist() == [1.0]


@extremes
@pytest.mark.parametrize("rows", ROWS, ids=str)
def test_extreme_scores_of_blocks_and_spans(rows, magnitude):
    logits, correct, mask = _correct_example(rows)
    logits = _scaled(logits, magnitude)
    loss, gradient, _ = _correct(logits, correct, mask)
    np.testing.assert_allclose(loss, _expected_correct(logits, correct, mask), rtol=1e-5, atol=1e-6)
    assert np.isfinite(gradient).all()
    for no_correct, no_mask in ((True, False), (False, True), (True, True)):
        loss, gradient, found = _correct(logits, correct & ~no_correct, mask & ~no_mask)
        assert loss == 0
        assert (gradient == 0).all()
        assert (found == 0).all()


@extremes
def test_extreme_ict_logits_are_finite(magnitude):
    logits = tf.constant(_scaled(np.zeros((3, 4), np.float32), magnitude))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = losses.ict_loss(logits, tf.constant([0, 1, 2]))
    assert np.isfinite(loss)
    assert np.isfinite(tape.gradient(loss, logits)).all()
