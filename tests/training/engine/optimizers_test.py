# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""BERT's optimiser: its schedule, what decays, and two rates side by side."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import config, types
from realm_tf.models import embedder, open_qa_model, realm
from realm_tf.training.engine import optimizers
from tests.models import tiny


@pytest.mark.parametrize(
    ("steps", "expected"), [(200, 100), (1000, 100), (5000, 500), (200_000, 10_000)]
)
def test_warmup_is_the_originals(steps, expected):
    assert optimizers.warmup_steps(config.OptimizerConfig(), steps) == expected


def test_configured_warmup_wins():
    assert optimizers.warmup_steps(config.OptimizerConfig(warmup_steps=0), 5000) == 0
    assert optimizers.warmup_steps(config.OptimizerConfig(warmup_steps=7), 5000) == 7


def test_short_run_is_trained_too():
    cfg = config.OptimizerConfig(learning_rate=0.1)
    assert optimizers.warmup_steps(cfg, 6) == 3
    rate = optimizers.make_optimizer(cfg, 6)._learning_rate
    expected = [0, 0.05 / 3, 0.1 / 3, 0.05, 0.1 / 3, 0.05 / 3, 0]
    np.testing.assert_allclose([rate(i) for i in range(7)], expected, atol=1e-6)


def test_warmup_as_long_as_the_run_is_refused():
    cfg = config.OptimizerConfig(warmup_steps=6)
    assert optimizers.warmup_steps(cfg, 7) == 6
    with pytest.raises(types.UserError, match="warmup_steps is 6, but training has only 6 steps"):
        optimizers.warmup_steps(cfg, 6)


def test_rate_rises_and_falls_linearly():
    cfg = config.OptimizerConfig(learning_rate=0.1, warmup_steps=10)
    rate = optimizers.make_optimizer(cfg, 100)._learning_rate
    assert rate(0) == 0
    np.testing.assert_allclose(rate(5), 0.1 * 0.9 * 5 / 10, rtol=1e-5)
    for step in (10, 50, 99, 100):
        np.testing.assert_allclose(rate(step), 0.1 * (1 - step / 100), rtol=1e-5, atol=1e-9)


def _variables(*names):
    return [tf.Variable([1.0, -2.0], name=name) for name in names]


def _optimizer(rate=None, **changes):
    defaults = {"learning_rate": 0.1, "warmup_steps": 0, "weight_decay": 0.0}
    return optimizers.make_optimizer(config.OptimizerConfig(**{**defaults, **changes}), 1000, rate)


def test_first_step_is_the_rate_whatever_the_gradient():
    """Adam with its moments' bias corrected: the first step is rate times the sign."""
    (variable,) = _variables("kernel")
    _optimizer().apply_gradients([(tf.constant([1e-3, -0.3]), variable)])
    np.testing.assert_allclose(variable, [0.9, -1.9], rtol=5e-3)


def test_gradients_are_clipped_together():
    """Clipping shows in the second moment, which is the squared gradient's."""
    variables = _variables("a", "b")
    optimizer = _optimizer(clip_norm=1.0)
    optimizer.build(variables)
    optimizer.apply_gradients([(tf.constant([30.0, 0.0]), variables[0]),
                               (tf.constant([0.0, 40.0]), variables[1])])  # fmt: skip
    moments = [m.numpy() for m in optimizer._velocities]
    np.testing.assert_allclose(moments[0], [0.001 * 0.6**2, 0], rtol=1e-4)
    np.testing.assert_allclose(moments[1], [0, 0.001 * 0.8**2], rtol=1e-4)


@pytest.mark.parametrize("kind", [realm.RealmModel, open_qa_model.OpenQaModel])
def test_decay_spares_layer_norms_and_biases_of_the_real_models(kind):
    model = kind(tiny.model_config(), tiny.VOCAB_SIZE).build_weights()
    tiny.randomise(model)
    variables = model.trainable_variables
    before = [v.numpy() for v in variables]
    zeros = [tf.zeros_like(v) for v in variables]
    optimizer = _optimizer(weight_decay=0.5)
    optimizer.build(variables)
    optimizer.apply_gradients(zip(zeros, variables, strict=True))
    for variable, old in zip(variables, before, strict=True):
        is_spared = any(part in variable.name for part in ("gamma", "beta", "bias"))
        expected = old if is_spared else old * (1 - 0.1 * 0.5)
        np.testing.assert_allclose(variable, expected, rtol=1e-5, err_msg=variable.name)


def test_decay_spares_a_learned_score_scale():
    config = tiny.embedder_config(score_scale=20.0, learn_score_scale=True)
    model = embedder.Embedder(config, tiny.VOCAB_SIZE).build_weights()
    optimizer = _optimizer(weight_decay=0.5)
    optimizer.build(model.trainable_variables)
    assert not optimizer._use_weight_decay(model.block_tower.log_scale)
    assert any(optimizer._use_weight_decay(v) for v in model.trainable_variables)


def test_decay_spares_layer_norms_and_biases_of_the_span_head():
    model = open_qa_model.OpenQaModel(tiny.model_config(), tiny.VOCAB_SIZE).build_weights()
    names = [v.name for v in model.trainable_variables]
    optimizer = _optimizer(weight_decay=0.5)
    optimizer.build(model.trainable_variables)
    decayed = [n for n, v in zip(names, model.trainable_variables, strict=True)
               if optimizer._use_weight_decay(v)]  # fmt: skip
    assert any("gamma" in name for name in names)
    assert not [n for n in decayed if any(part in n for part in ("gamma", "beta", "bias"))]
    assert len(decayed) >= 5


def test_split_optimizer_moves_each_set_at_its_own_rate():
    reader, retriever = _variables("reader", "retriever")
    split = optimizers.SplitOptimizer(_optimizer(0.1), _optimizer(0.01), [retriever])
    split.build([reader, retriever])
    gradient = tf.constant([0.5, -0.5])
    split.apply_gradients([(gradient, reader), (gradient, retriever)])
    np.testing.assert_allclose(reader, [0.9, -1.9], rtol=1e-4)
    np.testing.assert_allclose(retriever, [0.99, -1.99], rtol=1e-4)
    assert int(split.iterations) == int(split.other.iterations) == 1
    assert split.learning_rate is split.main.learning_rate


def test_split_optimizer_is_restored_with_its_slots(tmp_path):
    gradient = tf.constant([0.5, -0.5])

    def make():
        variables = _variables("reader", "retriever")
        split = optimizers.SplitOptimizer(_optimizer(0.1), _optimizer(0.01), variables[1:])
        split.build(variables)
        return variables, split

    def step(variables, split, scale):
        split.apply_gradients([(gradient * scale, v) for v in variables])

    variables, split = make()
    step(variables, split, 1.0)
    saved = tf.train.Checkpoint(variables=variables, optimizer=split).write(str(tmp_path / "c"))
    step(variables, split, -0.3)
    again, other = make()
    checkpoint = tf.train.Checkpoint(variables=again, optimizer=other)
    checkpoint.read(saved).assert_consumed()
    step(again, other, -0.3)
    np.testing.assert_array_equal(again, variables)
