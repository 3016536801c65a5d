# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The fused optimiser against Keras's own, over some steps."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from realm_tf.training.engine import fused_adamw

OPTIONS = {"learning_rate": 0.03, "weight_decay": 0.1, "epsilon": 1e-6, "global_clipnorm": 1.0}
SHAPES = {"table": (50, 4), "bias": (4,), "scalar": ()}


def _train(kind, gradients, **changes):
    optimizer = kind(**{**OPTIONS, **changes})
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    rng = np.random.default_rng(0)
    variables = [
        tf.Variable(rng.normal(size=shape).astype(np.float32), name=name)
        for name, shape in SHAPES.items()
    ]
    optimizer.build(variables)
    step = tf.function(lambda g: optimizer.apply_gradients(zip(g, variables, strict=True)))
    for of_step in gradients:
        step(of_step)
    return [v.numpy() for v in (*variables, *optimizer._momentums, *optimizer._velocities)]


def _gradients(steps, scale):
    rng = np.random.default_rng(1)
    made = [
        [tf.constant(scale * rng.normal(size=shape), tf.float32) for shape in SHAPES.values()]
        for _ in range(steps)
    ]
    for of_step in made:  # most rows of a table have no gradient
        rows = rng.integers(0, 50, 5)
        of_step[0] = tf.constant(np.where(np.isin(np.arange(50), rows)[:, None], of_step[0], 0))
    return made


@pytest.mark.parametrize("scale", [1e-4, 0.1, 30.0])
def test_the_same_weights_and_moments_as_keras(scale):
    gradients = _gradients(steps=12, scale=scale)
    ours, keras = (
        _train(kind, gradients) for kind in (fused_adamw.FusedAdamW, tf_keras.optimizers.AdamW)
    )
    # The kernel takes 1 - 0.999 in float32, which is 5e-5 off; a step moves weights by 0.03.
    for one, other in zip(ours[:3], keras[:3], strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)
    for one, other in zip(ours[3:], keras[3:], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-12)


def test_schedule_is_followed():
    schedule = tf_keras.optimizers.schedules.PolynomialDecay(0.1, 10, 0.0)
    gradients = _gradients(steps=5, scale=0.1)
    ours, keras = (
        _train(kind, gradients, learning_rate=schedule)
        for kind in (fused_adamw.FusedAdamW, tf_keras.optimizers.AdamW)
    )
    np.testing.assert_allclose(ours[0], keras[0], rtol=0, atol=1e-5)


def test_rows_without_gradient_decay_and_move_on():
    """Which is why an update of the touched rows alone would be another optimiser."""
    gradients = _gradients(steps=3, scale=0.1)
    one, two = (_train(fused_adamw.FusedAdamW, gradients[:n]) for n in (2, 3))
    still = np.flatnonzero(np.abs(gradients[2][0].numpy()).max(1) == 0)
    assert (one[0][still] != two[0][still]).all()
