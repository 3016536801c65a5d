# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A function for batches of many shapes is traced once, and gives what it gives untraced."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import config
from realm_tf.training.engine import distribution, strategies, traced


class _Sum:
    """Counts how often it is traced."""

    def __init__(self):
        self.traces = 0

    def __call__(self, name, batch):
        self.traces += 1
        assert name == "not a tensor"
        return tf.reduce_sum(batch["x"]) + tf.reduce_sum(batch["y"][0])


def _batch(length):
    return {"x": tf.ones([2, length]), "y": (tf.ones([length + 1, 3]),)}


@pytest.mark.parametrize(("static_shapes", "traces"), [(False, 1), (True, 3)])
def test_traces(static_shapes, traces):
    made = _Sum()
    function = traced.Traced(made, static_shapes=static_shapes)
    for length in (4, 9, 4, 2):
        assert float(function("not a tensor", _batch(length))) == 2 * length + 3 * (length + 1)
    assert made.traces == traces


def test_ranks_and_types_stay():
    seen = []
    function = traced.Traced(
        lambda x: seen.append((x.shape.as_list(), x.dtype)), static_shapes=False
    )
    function(tf.constant([[1], [2]]))
    assert seen == [([None, None], tf.int32)]


def test_replicas_are_traced_for_few_shapes(two_logical_devices):
    strategy = strategies.make_strategy(config.RuntimeConfig(strategy="mirrored"))
    traces = []

    def step(batch):
        traces.append(1)
        return strategy.reduce(
            "SUM",
            strategy.run(lambda x: tf.cast(tf.reduce_sum(x), tf.float32), (batch,)),
            axis=None,
        )

    function = traced.Traced(step, static_shapes=False)
    for length in (3, 8, 5, 7, 2):
        batch = distribution.distribute(
            strategy,
            np.ones((4, length), np.int32),
            lambda part, length=length: part[:, : length - 1],
        )
        assert float(function(batch)) == 4 * (length - 1)
    assert len(traces) <= 2
