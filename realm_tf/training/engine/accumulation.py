# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Gradient accumulation: a step in parts, one after the other, with the memory of one part.

The losses are sums over a count of the global batch. The count is known before the first part, so
parts add up to the step in one go, but for the rounding of the sums.

Where a loss compares all examples with each other, they are encoded first, part by part and without
gradients; the gradients of the loss by what they became are kept; then every part is encoded again,
and takes its own from there (Gao et al., 2021, "Scaling deep contrastive learning batch size").
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, cast

import tensorflow as tf
import tf_keras

from realm_tf.training.engine import dropout, strategies
from realm_tf.training.engine import task as task_lib


class Accumulated:
    """Optimiser steps that are computed in parts. Made in the strategy's scope.

    Args:
      task: The task.
      model: Model of the task, with all weights created.
      optimizer: Optimiser that is built for the weights of the model.
      parts: Number of parts.
      split: Rows of a batch to what every replica gets of them.
      see: Function that is called in a replica with the sums of a part.
      end: Function that is called in a replica with its loss, when the step is done.
    """

    def __init__(
        self,
        task: task_lib.RealmTask,
        model: tf_keras.Model,
        optimizer: Any,
        *,
        parts: int,
        split: Callable[[Any], Any],
        see: Callable[[task_lib.Sums], None],
        end: Callable[[tf.Tensor], None],
    ):
        self._task, self._model, self._optimizer = task, model, optimizer
        self._parts, self._split, self._see, self._end = parts, split, see, end
        self._strategy = tf.distribute.get_strategy()
        self._loss = _sum_like(tf.zeros([]))
        self._gradients = [_sum_like(v) for v in model.trainable_variables]
        self._add, self._apply, self._encode, self._compare, self._pull_back = (
            self._compiled(of_replica)
            for of_replica in (
                *(self._add_part, self._apply_all),
                *(self._encode_part, self._compare_parts, self._pull_back_part),
            )
        )

    def step(self, batch: Any) -> None:
        """One step on this worker's rows of a global batch."""
        rows = [len(tf.nest.flatten(batch)[0]) * n // self._parts for n in range(self._parts + 1)]
        parts = [
            self._split(tf.nest.map_structure(lambda array, a=a, b=b: array[a:b], batch))
            for a, b in itertools.pairwise(rows)
        ]
        numbers = [tf.constant(number, tf.int64) for number in range(self._parts)]
        if isinstance(self._task, task_lib.ComparingTask):
            encoded = [self._encode(*of_part) for of_part in zip(parts, numbers, strict=True)]
            gradients = self._compare(encoded)
            for of_rows in zip(parts, numbers, gradients, strict=True):
                self._pull_back(*of_rows)
        else:
            count = tf.constant(self._task.count(batch), tf.float32)
            for of_part in zip(parts, numbers, strict=True):
                self._add(*of_part, count)
        self._apply()

    def _compiled(self, of_replica: Callable[..., Any]) -> Callable[..., Any]:
        return tf.function(lambda *args: self._strategy.run(of_replica, args=args))

    def _number(self, part: tf.Tensor) -> tf.Tensor:
        """What dropout draws from, another number for every part of every step."""
        return tf.convert_to_tensor(self._optimizer.iterations) * self._parts + part

    def _add_part(self, batch: Any, part: tf.Tensor, count: tf.Tensor) -> None:
        total = strategies.collectives().global_sum(self._once_a_worker(count))
        loss, sums, gradients = self._task.gradients(batch, self._model, self._number(part), total)
        self._loss.assign_add(loss)
        self._see(sums)
        self._keep(gradients)

    def _once_a_worker(self, value: tf.Tensor) -> tf.Tensor:
        """A worker's number in the first of its replicas, 0 in the others."""
        context = tf.distribute.get_replica_context()
        local = strategies.local_replicas(self._strategy)
        is_first = tf.equal(context.replica_id_in_sync_group % local, 0)
        return tf.where(is_first, value, tf.zeros_like(value))

    def _keep(self, gradients: Sequence[tf.Tensor]) -> None:
        for total, gradient in zip(self._gradients, gradients, strict=True):
            total.assign_add(tf.convert_to_tensor(gradient))

    def _apply_all(self) -> None:
        gradients = [tf.convert_to_tensor(total) for total in self._gradients]
        pairs = zip(gradients, self._model.trainable_variables, strict=True)
        self._optimizer.apply_gradients(pairs)
        self._end(tf.convert_to_tensor(self._loss))
        for total in (self._loss, *self._gradients):
            total.assign(tf.zeros_like(total))

    def _encode_part(self, batch: Any, part: tf.Tensor) -> Sequence[tf.Tensor]:
        comparing = cast(task_lib.ComparingTask, self._task)
        with dropout.at_step(self._number(part)):
            return comparing.encode(batch, self._model, training=True)

    def _compare_parts(self, encoded: Sequence[Sequence[tf.Tensor]]) -> list[list[tf.Tensor]]:
        """Gradients of the loss by what each part became."""
        comparing = cast(task_lib.ComparingTask, self._task)
        whole = [tf.concat(tensors, axis=0) for tensors in zip(*encoded, strict=True)]
        with tf.GradientTape() as tape:
            tape.watch(whole)
            loss, sums = comparing.compare(whole, strategies.collectives())
        self._loss.assign_add(loss)
        self._see(sums)
        parts = [tf.split(g, self._parts) for g in tape.gradient(loss, whole)]
        return [list(of_part) for of_part in zip(*parts, strict=True)]

    def _pull_back_part(self, batch: Any, part: tf.Tensor, gradients: list[tf.Tensor]) -> None:
        with tf.GradientTape() as tape:
            encoded = self._encode_part(batch, part)
        self._keep(
            tape.gradient(
                list(encoded),
                self._model.trainable_variables,
                output_gradients=gradients,
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )
        )


def _sum_like(value: tf.Tensor | tf.Variable) -> tf.Variable:
    """A sum that every replica keeps for itself."""
    return tf.Variable(
        tf.zeros(value.shape, value.dtype),
        trainable=False,
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.SUM,
    )
