# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What every layer and model has to stand: one list, one set of demands."""

import importlib
import inspect
import json
import os
import pathlib
import pkgutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from realm_tf import models
from tests.models import conformance_cases, conformance_reload

CASES = conformance_cases.CASES
call = conformance_cases.call

every = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def _constants(inputs):
    return tf.nest.map_structure(tf.constant, inputs)


def _assert_close(found, expected, **tolerance):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, **tolerance)


def test_list_is_complete():
    public = set()
    for info in pkgutil.walk_packages(models.__path__, f"{models.__name__}."):
        module = importlib.import_module(info.name)
        for name, cls in inspect.getmembers(module, inspect.isclass):
            is_ours = cls.__module__ == module.__name__ and not name.startswith("_")
            if is_ours and issubclass(cls, tf_keras.layers.Layer):
                public.add(cls)
    assert public == {case.cls for case in CASES}


@every
def test_build_makes_every_weight_at_once(case):
    made = case.build(seed=None)
    before = [id(v) for v in made.variables]
    outputs = call(made, case.inputs)
    assert before
    assert [id(v) for v in made.variables] == before
    assert len(set(before)) == len(before)
    assert all(v.dtype == tf.float32 for v in made.variables)
    assert all(np.isfinite(v).all() for v in made.variables)
    for output in outputs:
        assert output.dtype == tf.float32
        assert output.shape[0] == conformance_cases.BATCH_SIZE
        assert np.isfinite(output).all()


@every
def test_every_trainable_weight_has_a_gradient(case):
    made = case.build()
    with tf.GradientTape() as tape:
        loss = _loss(call(made, case.inputs, training=True))
    gradients = tape.gradient(loss, made.trainable_variables)
    without = [
        v.name for v, g in zip(made.trainable_variables, gradients, strict=True) if g is None
    ]
    assert bool(without) == bool(case.unused)
    assert all(any(part in name for part in case.unused) for name in without)


@every
def test_tf_function_equals_eager(case):
    made = case.build()
    function = tf.function(lambda inputs: call(made, inputs))
    _assert_close(function(_constants(case.inputs)), call(made, case.inputs), atol=1e-5)


@every
def test_tf_function_takes_any_batch_size(case):
    made = case.build()
    specs = tf.nest.map_structure(
        lambda x: tf.TensorSpec([None, *x.shape[1:]], x.dtype), case.inputs
    )
    function = tf.function(lambda inputs: call(made, inputs), input_signature=[specs])
    part = tf.nest.map_structure(lambda x: x[1:3], case.inputs)
    _assert_close(function(part), [x[1:3] for x in call(made, case.inputs)], atol=1e-5)


@every
def test_xla_equals_eager_forward_and_backward(case):
    made = case.build()

    def step(inputs):
        with tf.GradientTape() as tape:
            outputs = call(made, inputs)
            loss = _loss(outputs)
        return [*outputs, *_dense(tape.gradient(loss, made.trainable_variables))]

    inputs = _constants(case.inputs)
    compiled = tf.function(step, jit_compile=True)
    _assert_close(compiled(inputs), step(inputs), rtol=1e-3, atol=1e-4)


@every
def test_mixed_bfloat16_is_near_float32(case):
    plain = case.build()
    tf_keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        mixed = case.build()
        with tf.GradientTape() as tape:
            outputs = call(mixed, case.inputs)
            loss = _loss(outputs)
        gradients = _dense(tape.gradient(loss, mixed.trainable_variables))
    finally:
        tf_keras.mixed_precision.set_global_policy("float32")
    assert all(v.dtype == tf.float32 for v in mixed.variables)
    _assert_close(mixed.get_weights(), plain.get_weights(), atol=0)
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    for found, expected in zip(outputs, call(plain, case.inputs), strict=True):
        assert found.dtype == tf.float32
        one, other = (np.ravel(x).astype(np.float64) for x in (found, expected))
        assert one @ other / np.linalg.norm(one) / np.linalg.norm(other) > 0.999
        assert (one != other).any()


@every
def test_config_makes_the_same_again(case):
    made = case.build()
    config = json.loads(json.dumps(made.get_config()))
    again = case.cls.from_config(config)
    assert config == made.get_config()  # it was not changed on the way
    assert again.get_config() == config
    conformance_cases.create_weights(again, case.inputs)
    again.set_weights(made.get_weights())
    _assert_close(call(again, case.inputs), call(made, case.inputs), atol=0)


@every
def test_two_replicas_equal_one(case, two_logical_devices):
    made = case.build()

    def step(inputs):
        with tf.GradientTape() as tape:
            outputs = call(made, inputs)
            loss = _loss(outputs)
        return outputs, _dense(tape.gradient(loss, made.trainable_variables))

    expected, gradients = step(case.inputs)
    weights = made.get_weights()
    strategy = tf.distribute.MirroredStrategy(two_logical_devices)
    with strategy.scope():
        made = case.build()
    made.set_weights(weights)

    def shard(context):
        half = conformance_cases.BATCH_SIZE // 2
        first = context.replica_id_in_sync_group * half
        return tf.nest.map_structure(lambda x: tf.constant(x[first : first + half]), case.inputs)

    inputs = strategy.experimental_distribute_values_from_function(shard)
    outputs, found = tf.function(lambda x: strategy.run(step, args=(x,)))(inputs)
    joined = [tf.concat(strategy.experimental_local_results(x), 0) for x in outputs]
    _assert_close(joined, expected, atol=1e-5)
    summed = [strategy.reduce("SUM", gradient, axis=None) for gradient in found]
    _assert_close(summed, gradients, rtol=1e-3, atol=1e-4)


def _loss(outputs):
    """A sum over the batch that every output bends."""
    return tf.add_n([tf.reduce_sum(tf.sin(output)) for output in outputs])


def _dense(gradients):
    return [tf.convert_to_tensor(gradient) for gradient in gradients if gradient is not None]


def _save(case, folder):
    """A SavedModel, the weights with the config, and what was computed from what."""
    made, arrays = case.build(), tf.nest.flatten(case.inputs)
    module = tf.Module()
    module.model = made

    def serve(*flat):
        return call(made, tf.nest.pack_sequence_as(case.inputs, flat))

    specs = [tf.TensorSpec([None, *x.shape[1:]], x.dtype) for x in arrays]
    module.serve = tf.function(serve, input_signature=specs)
    tf.saved_model.save(module, str(folder / "saved_model"))
    tf.train.Checkpoint(model=made).write(str(folder / "weights"))
    (folder / "config.json").write_text(json.dumps(made.get_config()))
    np.savez(folder / "inputs.npz", *arrays)
    np.savez(folder / "outputs.npz", *call(made, case.inputs))


@pytest.mark.slow
def test_saved_is_the_same_in_a_fresh_process(tmp_path):
    for case in CASES:
        _save(case, tmp_path / case.name)
    done = subprocess.run(
        [sys.executable, "-m", conformance_reload.__name__, str(tmp_path)],
        cwd=pathlib.Path(__file__).parents[2],
        env={**os.environ, "TF_USE_LEGACY_KERAS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == [case.name for case in CASES]
