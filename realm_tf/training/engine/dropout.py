# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Dropout without a state: what a step drops is a function of seed, stage, step, replica and call.

Keras draws dropout masks from a state that no checkpoint holds, so a run that was killed and goes
on would drop other things. Here there is no state: it goes on as if it had never been killed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import threading
from collections.abc import Callable, Iterator

import tensorflow as tf
import tf_keras

from realm_tf.data import sampling


@dataclasses.dataclass(frozen=True)
class _Step:
    """What the masks of one step are drawn from, in one replica: a number, and calls in order."""

    number: tf.Tensor
    calls: Iterator[int]


class _Current(threading.local):  # replicas are traced in threads of their own
    step: _Step | None = None


_CURRENT = _Current()


def make_stateless(model: tf.Module, *, seed: int, stage: str) -> None:
    """Has every dropout layer of a model draw its masks from the step; see `at_step`.

    Args:
      model: Model with all weights created, because some layers are made with them.
      seed: Seed of the run.
      stage: Name of the training; another name gives other masks.
    """
    key = int(sampling.generator(seed, f"{stage}/dropout", 0).integers(2**31))
    for layer in model.submodules:
        if isinstance(layer, tf_keras.layers.Dropout):
            generator = layer._random_generator
            generator.dropout = functools.partial(_drop, generator.dropout, key)


@contextlib.contextmanager
def at_step(step: tf.Tensor) -> Iterator[None]:
    """Within it, models of `make_stateless` drop what belongs to a step.

    The calls of dropout are numbered from 0, so it holds one forward pass, traced as a whole.

    Args:
      step: <int64>[], the steps that are done.
    """
    context = tf.distribute.get_replica_context()
    number = tf.cast(step, tf.int64)
    if context is not None and context.num_replicas_in_sync > 1:
        replica = tf.cast(context.replica_id_in_sync_group, tf.int64)
        number = number * context.num_replicas_in_sync + replica
    with _within(_Step(number, itertools.count())):
        yield


@contextlib.contextmanager
def _within(step: _Step) -> Iterator[None]:
    before, _CURRENT.step = _CURRENT.step, step
    try:
        yield
    finally:
        _CURRENT.step = before


def _drop(
    otherwise: Callable[..., tf.Tensor],
    key: int,
    inputs: tf.Tensor,
    rate: float,
    noise_shape: tf.Tensor | None = None,
) -> tf.Tensor:
    """What stands in for `RandomGenerator.dropout` of a layer; outside of steps, that itself."""
    step = _CURRENT.step
    if step is None:
        return otherwise(inputs, rate, noise_shape)
    call = tf.constant((key << 32) + next(step.calls), tf.int64)
    return tf.nn.experimental.stateless_dropout(
        inputs,
        rate=rate,
        noise_shape=noise_shape,
        seed=tf.stack([call, step.number]),
        rng_alg="philox",  # one for all devices, and with or without XLA
    )


def repeatable() -> Callable[[], contextlib.AbstractContextManager[None]]:
    """For a part of a forward pass that is computed twice: a context to compute it in.

    Every time that it is entered, the same is dropped again.
    """
    step = _CURRENT.step
    if step is None:
        return contextlib.nullcontext
    first = (next(step.calls) + 1) << 16  # the part's own numbers, beyond those of single calls
    return lambda: _within(_Step(step.number, itertools.count(first)))
