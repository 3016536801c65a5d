# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Loops on the device do what the host's loops do, and end as they do."""

import gc
import threading
import time
import weakref

import numpy as np
import orbit
import pytest
import tensorflow as tf

from realm_tf import config, types
from realm_tf.training.engine import divergence, strategies
from tests.training.engine import steps

BY_STEPS = [name for name in steps.EXPERIMENTS if name != "open_qa"]
_TIMES = {"input_wait_fraction"}  # no two runs have the same


def _batches(name):
    """Batches of an experiment that differ by index: their rows in another order and mixture."""
    batch = steps.EXPERIMENTS[name].batch

    def make_batch(index):
        rng = np.random.default_rng(index)
        rows = rng.integers(0, 4, 4)
        return tf.nest.map_structure(lambda array: array[rows], batch)

    return make_batch


def _trained(name, *, loops=(13, 7), **options):
    """Figures of every loop, and the weights in the end."""
    options = {"make_batch": _batches(name), "static_shapes": True, "adam": True, **options}
    fitted = steps.make_trainer(steps.EXPERIMENTS[name], **options)
    logs = []
    with fitted.strategy.scope():
        for size in loops:
            of_loop = fitted.train(tf.constant(size))
            logs.append({n: float(orbit.utils.get_value(v)) for n, v in of_loop.items()})
    fitted.close()
    figures = [{n: v for n, v in of_loop.items() if n not in _TIMES} for of_loop in logs]
    return figures, [v.numpy() for v in fitted.model.trainable_variables]


_ALL = pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n == "span_tagger" else pytest.mark.slow) for n in BY_STEPS],
)


@_ALL
def test_twenty_steps_are_the_same_to_the_last_bit(name):
    figures, weights = _trained(name, dropped=0.1)
    device_figures, device_weights = _trained(name, dropped=0.1, on_device=True)
    assert device_figures == figures
    for left, right in zip(device_weights, weights, strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.fixture(scope="module")
def mirrored(two_logical_devices):
    return strategies.make_strategy(config.RuntimeConfig(strategy="mirrored"))


@_ALL
def test_two_devices_do_what_one_does(mirrored, name):
    one = _trained(name, adam=False)
    two = _trained(name, adam=False, on_device=True, strategy=mirrored)
    for left, right in zip(two[0], one[0], strict=True):
        assert left == pytest.approx(right, rel=1e-5, abs=1e-6)
    for left, right in zip(two[1], one[1], strict=True):
        np.testing.assert_allclose(left, right, atol=1e-5)


@pytest.mark.parametrize(("delay", "at_least", "at_most"), [(0.2, 0.5, 1.0), (0.0, 0.0, 0.5)])
def test_time_without_a_batch_is_told(delay, at_least, at_most):
    def make_batch(_):
        time.sleep(delay)
        return steps.EXPERIMENTS["ict"].batch

    options = {"static_shapes": True, "on_device": True, "make_batch": make_batch}
    fitted = steps.make_trainer(steps.EXPERIMENTS["ict"], **options)
    fitted.train(tf.constant(1))  # traces
    logs = fitted.train(tf.constant(8))
    fitted.close()
    assert at_least <= float(logs["input_wait_fraction"]) <= at_most


@pytest.mark.parametrize("index", [0, 3, 6])
def test_error_of_a_batch_is_raised_as_it_is(index):
    plain = _batches("ict")

    def make_batch(number):
        if number == index:
            raise types.UserError("no such block")
        return plain(number)

    with pytest.raises(types.UserError, match="no such block"):
        _trained("ict", on_device=True, make_batch=make_batch, loops=(5, 5))


def _own_threads():
    return {t.name for t in threading.enumerate() if t.name.startswith("batches")}


def test_nothing_is_made_beyond_the_depth_and_nothing_is_left_behind():
    made, plain = [], _batches("ict")

    def make_batch(index):
        made.append(index)
        return plain(index)

    options = {"static_shapes": True, "on_device": True, "make_batch": make_batch}
    fitted = steps.make_trainer(steps.EXPERIMENTS["ict"], **options)
    depth = 4
    for end in (5, 10):
        fitted.train(tf.constant(5))
        time.sleep(0.2)  # so that whoever would work further ahead does
        assert sorted(made) == list(range(end + depth - 1))
    assert _own_threads()
    iterator = weakref.ref(fitted._train_iter)
    fitted.close()
    gc.collect()
    assert not _own_threads()
    assert iterator() is None
    fitted.train(tf.constant(2))  # starts anew, at its step
    assert int(fitted.global_step.numpy()) == 12
    assert made[13:15] == [10, 11]
    fitted.close()
    assert not _own_threads()


def test_first_step_that_diverged_is_told():
    fitted = steps.make_trainer(steps.EXPERIMENTS["ict"], static_shapes=True, on_device=True)
    fitted.train(tf.constant(2))
    weights = fitted.model.trainable_variables
    weights[0].assign(tf.fill(weights[0].shape, np.nan))
    with pytest.raises(divergence.Diverged) as told:
        fitted.train(tf.constant(3))
    fitted.close()
    assert told.value.index == 2


def test_steps_with_work_of_the_host_are_refused():
    with pytest.raises(ValueError, match="a task without host work"):
        steps.make_trainer(steps.EXPERIMENTS["open_qa"], static_shapes=True, on_device=True)
    with pytest.raises(ValueError, match="static shapes"):
        steps.make_trainer(steps.EXPERIMENTS["ict"], static_shapes=False, on_device=True)
