# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A layer that is computed twice has the gradients of one that is computed once."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import config
from realm_tf.training.engine import strategies
from tests.training.engine import steps

EXPERIMENTS = pytest.mark.parametrize(
    "name",
    [
        n if n in ("ict", "warmup") else pytest.param(n, marks=pytest.mark.slow)
        for n in steps.EXPERIMENTS
    ],
)


def _assert_same(made, expected, *, atol):
    assert made[0].keys() == expected[0].keys()
    for name, value in expected[0].items():
        np.testing.assert_allclose(made[0][name], value, atol=atol, err_msg=name)
    for left, right in zip(made[1], expected[1], strict=True):
        np.testing.assert_allclose(left, right, atol=atol)


@EXPERIMENTS
def test_step_is_the_same(name):
    experiment = steps.EXPERIMENTS[name]
    _assert_same(steps.step(experiment, rematerialised=True), steps.step(experiment), atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"parts": 2}, {"jit_compile": True}], ids=str)
def test_the_same_is_dropped_both_times(monkeypatch, options):
    experiment = steps.EXPERIMENTS["pretrain"]
    made = steps.step(experiment, rematerialised=True, dropped=0.5, **options)
    dry = steps.step(experiment, rematerialised=True, **options)
    monkeypatch.setattr(tf, "recompute_grad", lambda function: function)
    once = steps.step(experiment, rematerialised=True, dropped=0.5, **options)
    _assert_same(made, once, atol=1e-6)
    assert any(np.abs(a - b).max() > 1e-4 for a, b in zip(made[1], dry[1], strict=True))


def test_replicas_do_the_same(two_logical_devices):
    mirrored = strategies.make_strategy(config.RuntimeConfig(strategy="mirrored"))
    experiment = steps.EXPERIMENTS["ict"]
    made = steps.step(experiment, strategy=mirrored, rematerialised=True)
    _assert_same(made, steps.step(experiment), atol=1e-5)


def test_layers_are_computed_again():
    def products(**options):
        fitted = steps.make_trainer(steps.EXPERIMENTS["warmup"], **options)
        batch = tf.nest.map_structure(tf.convert_to_tensor, steps.EXPERIMENTS["warmup"].batch)
        traced = tf.function(fitted._replicated_train).get_concrete_function(batch)
        graph = traced.graph.as_graph_def()
        nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
        return sum(node.op in ("MatMul", "BatchMatMulV2", "Einsum") for node in nodes)

    assert products(rematerialised=True) > products()
