# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The trainer whose loops run on the device: many steps in one compiled call.

The host is between two steps only where a loop ends. There it looks for requests to end, and
decides about snapshots, for all steps of the loop that comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from realm_tf.training.engine import batch_stream, device_feed, strategies, trainer
from realm_tf.training.engine import task as task_lib


class DeviceLoopTrainer(trainer.Trainer):
    """Trains a `RealmTask` without host work by loops of steps on the device; see `Trainer`.

    Args:
      task: The task, with static shapes.
      train_stream: This worker's parts of the global batches, without a function to be called
        before each.
      before_batches: Function that is called before a loop, with the index of the first batch that
        it takes and with their number.
      **kwargs: As `Trainer`, without parts; its config asks for loops on the device.
    """

    def __init__(
        self,
        *,
        task: task_lib.RealmTask,
        train_stream: batch_stream.BatchStream,
        before_batches: Callable[[int, int], None],
        **kwargs: Any,
    ):
        if task.has_host_phase or not task.static_shapes:
            raise ValueError(
                "Loops on the device need static shapes and a task without host work in its steps."
            )
        self._feed = device_feed.DeviceFeed(
            train_stream, tf.distribute.get_strategy(), task.device_part
        )
        super().__init__(task=task, train_stream=self._feed, **kwargs)
        self._before_batches = before_batches
        self._seconds_waited = strategies.outside(_host_variable)

    def train(self, num_steps: tf.Tensor) -> dict[str, Any]:
        """Runs a loop of steps; an error of a batch is raised as it is."""
        for call in self.before_steps:
            call()
        steps = int(num_steps)
        self._before_batches(int(self.global_step.numpy()), steps)
        self._feed.open(steps)
        try:
            return super().train(num_steps)
        except tf.errors.OpError:
            self._feed.raise_error()
            raise

    def train_step(self, iterator: Iterator[Any]) -> None:
        """A step of the loop, in its graph."""
        asked = tf.timestamp()
        with tf.control_dependencies([asked]):
            batch = next(iterator)
        with tf.control_dependencies(self._on_host(batch)):
            waited = tf.timestamp() - asked
        self._seconds_waited.assign_add(waited)
        self._replicated_train(batch)

    def _on_host(self, batch: Any) -> list[tf.Tensor]:
        """One tensor of every replica's part."""
        first = tf.nest.flatten(batch)[0]
        return list(self.strategy.experimental_local_results(first))

    def train_loop_begin(self) -> None:
        """See `Trainer`."""
        super().train_loop_begin()
        self._seconds_waited.assign(0.0)

    def train_loop_end(self) -> dict[str, Any]:
        """See `Trainer`."""
        self._waited = float(self._seconds_waited.numpy())
        return super().train_loop_end()


def _host_variable() -> tf.Variable:
    with tf.device("CPU:0"):
        return tf.Variable(0.0, dtype=tf.float64, trainable=False)
