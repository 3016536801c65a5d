# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A step in parts is the step in one go, and a layer that is computed twice is the same layer."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import config
from realm_tf.training.engine import strategies
from tests.models import tiny
from tests.training.engine import steps

EXPERIMENTS = pytest.mark.parametrize(
    "name",
    [
        n if n in ("ict", "warmup") else pytest.param(n, marks=pytest.mark.slow)
        for n in steps.EXPERIMENTS
    ],
)
# Of the examples of a part among themselves.
_OF_PARTS = {"query_spread"}


def _assert_same(made, expected, *, atol=1e-6):
    figures, weights = made
    for name in expected[0].keys() - _OF_PARTS:
        np.testing.assert_allclose(figures[name], expected[0][name], atol=atol, err_msg=name)
    for left, right in zip(weights, expected[1], strict=True):
        np.testing.assert_allclose(left, right, atol=atol)


@EXPERIMENTS
@pytest.mark.parametrize("parts", [2, 4])
def test_parts_add_up_to_the_batch(name, parts):
    experiment = steps.EXPERIMENTS[name]
    _assert_same(steps.step(experiment, parts=parts), steps.step(experiment))


@pytest.mark.slow
@EXPERIMENTS
@pytest.mark.parametrize("options", [{"jit_compile": True}, {"adam": True}], ids=str)
def test_parts_add_up_with_xla_and_with_adam(name, options):
    experiment = steps.EXPERIMENTS[name]
    fitted = steps.make_trainer(experiment, parts=2, **options)
    whole = steps.make_trainer(experiment, **options)
    losses = []
    for one in (fitted, whole):
        with one.strategy.scope():
            losses.append([float(one.train(tf.constant(1))["training_loss"]) for _ in range(3)])
        one.close()
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-3 if "adam" in options else 1e-5)


@pytest.mark.slow
@EXPERIMENTS
def test_parts_of_replicas_add_up(two_logical_devices, name):
    mirrored = strategies.make_strategy(config.RuntimeConfig(strategy="mirrored"))
    experiment = steps.EXPERIMENTS[name]
    _assert_same(
        steps.step(experiment, strategy=mirrored, parts=2), steps.step(experiment), atol=1e-5
    )


def test_bits_are_the_same_where_no_order_of_sums_changes():
    """Two equal halves: their sum is twice one of them, in any order."""
    batch = tiny.masked_batch(batch_size=2)
    twice = tf.nest.map_structure(lambda x: np.concatenate([x, x]), batch)
    experiment = dataclasses.replace(steps.EXPERIMENTS["pretrain"], batch=twice)
    half = dataclasses.replace(experiment, batch=batch)
    parts = steps.step(experiment, parts=2, static_shapes=True)[1]  # as the configuration wants it
    for left, right in zip(parts, steps.step(half, static_shapes=True)[1], strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.slow
@EXPERIMENTS
def test_parts_drop_the_same_whenever_a_step_is_done(name):
    """With dropout on, a step is a function of weights and step alone, in parts, too."""
    experiment = steps.EXPERIMENTS[name]
    made = [steps.step(experiment, parts=2, dropped=0.5) for _ in range(2)]
    _assert_same(made[0], made[1], atol=0)
    dry = steps.step(experiment, parts=2)
    assert any(not np.array_equal(a, b) for a, b in zip(made[0][1], dry[1], strict=True))


def test_gradients_of_a_comparing_loss_are_of_what_was_dropped():
    """Both passes over a part of ICT drop the same: its gradient is that of one pass."""
    experiment = steps.EXPERIMENTS["ict"]
    fitted = steps.make_trainer(experiment, parts=2, dropped=0.5)
    accumulated, model = fitted._accumulated, fitted.model
    before = [v.numpy() for v in model.trainable_variables]
    half = [
        tf.nest.map_structure(lambda x, r=rows: tf.constant(x[r]), experiment.batch)
        for rows in (slice(0, 2), slice(2, 4))
    ]
    with tf.GradientTape() as tape:
        encoded = [
            accumulated._encode_part(p, tf.constant(n, tf.int64)) for n, p in enumerate(half)
        ]
        whole = [tf.concat(tensors, 0) for tensors in zip(*encoded, strict=True)]
        loss, _ = fitted.task.compare(whole, steps.task.losses.LOCAL)
    gradients = tape.gradient(loss, model.trainable_variables)
    with fitted.strategy.scope():
        logs = fitted.train(tf.constant(1))
    fitted.close()
    np.testing.assert_allclose(float(logs["training_loss"].numpy()), float(loss), rtol=1e-6)
    for variable, start, gradient in zip(model.trainable_variables, before, gradients, strict=True):
        expected = start - 0.1 * tf.convert_to_tensor(gradient).numpy()
        np.testing.assert_allclose(variable.numpy(), expected, atol=1e-6)
