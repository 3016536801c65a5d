# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Replicas add up: two devices with half a batch each do what one does with all of it."""

import time

import numpy as np
import orbit
import pytest
import tensorflow as tf
import tf_keras

from realm_tf import config, types
from realm_tf.data.examples import ict_batches
from realm_tf.data.tagging import tag_batches
from realm_tf.models import embedder, realm
from realm_tf.training.engine import (
    batch_stream,
    distribution,
    optimizers,
    strategies,
    task,
    trainer,
)
from realm_tf.training.experiments import ict, pretrain
from tests.models import tiny


@pytest.fixture(scope="module")
def mirrored(two_logical_devices):
    made = strategies.make_strategy(config.RuntimeConfig(strategy="mirrored"))
    assert made.num_replicas_in_sync == len(two_logical_devices)
    return made


def _ict_batch():
    return ict_batches.IctBatch(tiny.inputs(4, 6), tiny.inputs(4, 8, seed=1))


def _make_realm():
    return realm.RealmModel(tiny.model_config(), tiny.VOCAB_SIZE)


def _make_embedder():
    return embedder.Embedder(tiny.embedder_config(), tiny.VOCAB_SIZE)


def _make_pretrain(**options):
    return pretrain.PretrainTask(task.task_config(), objective="token", **options)


def _make_ict(**options):
    return ict.IctTask(task.task_config(), **options)


def _gradient_descent():
    """So that weights show gradients, and not their signs as Adam's do."""
    return tf_keras.optimizers.SGD(0.1)


def _one_step(strategy, make_model, make_task, batch, make_optimizer=None, **options):
    """Loss, metrics and weights after one step from the same weights."""
    with strategy.scope():
        model = make_model().build_weights()
        tiny.randomise(model, stddev=0.1)
        cfg = config.OptimizerConfig(learning_rate=0.1, warmup_steps=0)
        fitted = trainer.Trainer(
            config=task.experiment_config(
                optimizers.optimization_config(cfg, 100), train_steps=100
            ),
            task=make_task(**options),
            model=model,
            optimizer=make_optimizer() if make_optimizer else optimizers.make_optimizer(cfg, 100),
            train_stream=batch_stream.BatchStream(lambda _: batch),
        )
        logs = fitted.train(tf.constant(1))
        fitted.close()
    weights = [v.numpy() for v in model.trainable_variables]
    return (
        {name: float(orbit.utils.get_value(value)) for name, value in logs.items()},
        weights,
        fitted,
    )


CASES = pytest.mark.parametrize(
    ("make_model", "make_task", "batch"),
    [
        (_make_realm, _make_pretrain, tiny.masked_batch()),
        (_make_embedder, _make_ict, _ict_batch()),
    ],
    ids=["pretrain", "ict"],
)
TIMES = {"input_wait_fraction"}  # no two runs have the same


@CASES
def test_two_devices_do_what_one_does(mirrored, make_model, make_task, batch):
    one = tf.distribute.OneDeviceStrategy("CPU:0")
    logs, weights, _ = _one_step(one, make_model, make_task, batch, _gradient_descent)
    both_logs, both_weights, fitted = _one_step(
        mirrored, make_model, make_task, batch, _gradient_descent
    )
    assert int(fitted.global_step.numpy()) == 1
    for name in logs.keys() - TIMES:
        np.testing.assert_allclose(both_logs[name], logs[name], rtol=1e-5, atol=1e-5, err_msg=name)
    for left, right in zip(both_weights, weights, strict=True):
        np.testing.assert_allclose(left, right, atol=1e-5)


def test_clipping_is_of_the_summed_gradients(mirrored):
    """With AdamW and its clipping, too: clipped before the sum, weights would differ."""
    arguments = (_make_embedder, _make_ict, _ict_batch())
    _, weights, one = _one_step(tf.distribute.OneDeviceStrategy("CPU:0"), *arguments)
    _, _, two = _one_step(mirrored, *arguments)
    for left, right in zip(two.optimizer._velocities, one.optimizer._velocities, strict=True):
        np.testing.assert_allclose(left.numpy(), right.numpy(), rtol=1e-3, atol=1e-9)
    assert len(weights) == len(one.optimizer._velocities)


def test_xla_under_replicas_is_refused(mirrored):
    with (
        mirrored.scope(),
        pytest.raises(types.UserError, match="jit_compile works on one replica"),
    ):
        _make_ict(jit_compile=True)


def test_batch_is_split_in_order(mirrored):
    batch = tag_batches.TagBatch(tiny.inputs(6, 3), np.arange(6), np.ones(6))
    parts = distribution.distribute(mirrored, batch)
    first, second = mirrored.experimental_local_results(parts.targets)
    assert (first.numpy().tolist(), second.numpy().tolist()) == ([0, 1, 2], [3, 4, 5])
    words = mirrored.experimental_local_results(parts.inputs.word_ids)
    np.testing.assert_array_equal(np.concatenate(words), batch.inputs.word_ids)


def test_uneven_batch_is_refused(mirrored):
    with pytest.raises(ValueError, match="A batch of 3 does not split over 2 replicas"):
        distribution.distribute(mirrored, {"x": np.arange(3)})


@pytest.mark.parametrize(("delay", "at_least", "at_most"), [(0.2, 0.5, 1.0), (0.0, 0.0, 0.5)])
def test_time_without_a_batch_is_told(delay, at_least, at_most):
    def make_batch(_):
        time.sleep(delay)
        return _ict_batch()

    model = _make_embedder().build_weights()
    cfg = config.OptimizerConfig(learning_rate=0.1, warmup_steps=0)
    fitted = trainer.Trainer(
        config=task.experiment_config(optimizers.optimization_config(cfg, 100), train_steps=100),
        task=_make_ict(),
        model=model,
        optimizer=optimizers.make_optimizer(cfg, 100),
        train_stream=batch_stream.BatchStream(make_batch, depth=1),
    )
    fitted.train(tf.constant(1))  # traces
    logs = fitted.train(tf.constant(4))
    fitted.close()
    assert at_least <= float(logs["input_wait_fraction"]) <= at_most


def test_shapes_of_batches_may_change_without_a_new_trace():
    batches = [
        ict_batches.IctBatch(tiny.inputs(4, length), tiny.inputs(4, 2 * length, seed=1))
        for length in (16, 9, 20)
    ]
    made = _make_ict(static_shapes=False)
    model = _make_embedder().build_weights()
    cfg = config.OptimizerConfig(learning_rate=0.1, warmup_steps=0)
    traces = []
    plain = made.train_step
    made.train_step = lambda *args: traces.append(1) or plain(*args)
    fitted = trainer.Trainer(
        config=task.experiment_config(optimizers.optimization_config(cfg, 100), train_steps=100),
        task=made,
        model=model,
        optimizer=optimizers.make_optimizer(cfg, 100),
        train_stream=batch_stream.BatchStream(lambda index: batches[index % 3]),
    )
    logs = fitted.train(tf.constant(6))
    fitted.close()
    assert len(traces) == 1
    assert np.isfinite(float(logs["training_loss"]))
