# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Spans: the fast form of their logit is LayerNorm and a dense layer; which are marked."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.models import span_scoring

EPSILON = 1e-3


@pytest.fixture
def head():
    rng = np.random.default_rng(1)
    shapes = ([8], [8], [8, 1], [1])
    return span_scoring.SpanHead(
        *(tf.Variable(rng.normal(size=s), dtype="float32") for s in shapes)
    )


def _plain(hidden, head):
    hidden = tf.nn.relu(hidden)
    mean, variance = tf.nn.moments(hidden, axes=[-1], keepdims=True)
    normal = tf.nn.batch_normalization(hidden, mean, variance, head.beta, head.gamma, EPSILON)
    return tf.einsum("bls,so->bl", normal, head.kernel) + head.bias


def test_logits_and_gradients_equal_the_plain_formula(head):
    hidden = tf.constant(np.random.default_rng(0).normal(size=(2, 5, 8)), tf.float32)

    def run(function):
        with tf.GradientTape() as tape:
            tape.watch(hidden)
            logits = function(hidden)
            total = tf.reduce_sum(tf.square(logits))
        return [logits, *tape.gradient(total, [hidden, *head])]

    fast = run(lambda hidden: span_scoring.logit(hidden, head, EPSILON))
    for ours, plain in zip(fast, run(lambda hidden: _plain(hidden, head)), strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-3, atol=1e-4)


def test_logit_of_equal_units_is_finite(head):
    assert np.isfinite(span_scoring.logit(tf.fill([1, 2, 8], 1e4), head, EPSILON)).all()


def test_score_pairs_starts_and_ends(head):
    projected = tf.constant(np.random.default_rng(0).normal(size=(1, 6, 16)), tf.float32)
    scores = span_scoring.score(projected, head, epsilon=EPSILON, width=3).numpy()
    for i in range(6):
        for w in range(min(3, 6 - i)):
            pair = projected[:, i : i + 1, :8] + projected[:, i + w : i + w + 1, 8:]
            np.testing.assert_allclose(scores[0, i, w], _plain(pair, head)[0, 0], atol=1e-4)


def test_span_mask():
    body = np.array([[0, 0, 1, 1, 1, 0], [0, 1, 1, 0, 1, 1], [0, 0, 0, 0, 0, 0]], np.int32)
    width = 3
    expected = np.zeros((3, 6, width), bool)
    for b, start, w in np.ndindex(expected.shape):
        end = start + w
        expected[b, start, w] = end < 6 and body[b, start] and body[b, end]
    np.testing.assert_array_equal(span_scoring.span_mask(body, width), expected)
    nested = span_scoring.span_mask(body.reshape(3, 1, 6), width)
    np.testing.assert_array_equal(nested, expected[:, None])


def test_span_mask_of_width_one_is_the_body():
    body = np.array([[0, 1, 1, 0]], np.int32)
    np.testing.assert_array_equal(span_scoring.span_mask(body, 1)[..., 0], body.astype(bool))


def test_correct_spans():
    starts = np.array([[[2, 4, 0], [0, 0, 0]], [[1, 1, 3], [5, 0, 0]]], np.int32)
    ends = np.array([[[2, 5, 0], [0, 0, 0]], [[3, 1, 3], [5, 0, 0]]], np.int32)
    mask = np.array([[[1, 1, 0], [0, 0, 0]], [[1, 1, 1], [1, 0, 0]]], np.int32)
    length, width = 6, 3
    expected = np.zeros((2, 2, length, width), bool)
    for place in np.argwhere(mask):
        start, end = starts[tuple(place)], ends[tuple(place)]
        expected[place[0], place[1], start, end - start] = True
    assert expected.sum() == 6
    found = span_scoring.correct_spans(starts, ends, mask, length, width)
    np.testing.assert_array_equal(found, expected)


def test_answers_that_are_no_span_mark_none():
    """Too long, or ending before they start: they must not mark another span."""
    starts = np.array([[0, 3, 1]], np.int32)
    ends = np.array([[2, 2, 2]], np.int32)
    found = span_scoring.correct_spans(starts, ends, np.ones_like(starts), 5, 2).numpy()
    assert np.argwhere(found).tolist() == [[0, 1, 1]]
