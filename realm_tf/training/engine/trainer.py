# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The trainer: Model Garden's, with lazy input and its own compiled step.

Model Garden builds its data set in the constructor, before a checkpoint is restored, and compiles
for GPUs only. Here the input is a `BatchStream` that starts when the first step is asked for, at
the restored step, and the step is compiled whether or not there is an accelerator.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from official.core import base_trainer, config_definitions

from realm_tf.training.engine import accumulation, best_weights, divergence, strategies, traced
from realm_tf.training.engine import batch_stream as stream_lib
from realm_tf.training.engine import task as task_lib


class Trainer(base_trainer.Trainer):
    """Trains a `RealmTask`.

    Attributes:
      before_steps: Functions that are called before every step; they may raise, to end it all.
      kept: The weights that the run ends with; None: the last ones.

    Args:
      config: Model Garden's experiment config.
      task: The task.
      model: Model of the task, with all weights created.
      optimizer: From `optimizers`.
      train_stream: This worker's parts of the global batches, from the current step on.
      parts: Number of parts in which a step is computed, one after the other.
    """

    def __init__(
        self,
        *,
        config: config_definitions.ExperimentConfig,
        task: task_lib.RealmTask,
        model: tf_keras.Model,
        optimizer: Any,
        train_stream: stream_lib.BatchStream,
        parts: int = 1,
    ):
        super().__init__(
            config=config,
            task=task,
            model=model,
            optimizer=optimizer,
            evaluate=False,
            train_dataset=train_stream,
        )
        self._train_stream = train_stream
        self.before_steps: Sequence[Callable[[], None]] = ()
        self.kept: best_weights.BestWeights | None = None
        self._watch = divergence.Watch()
        optimizer.build(model.trainable_variables)  # so that a restore finds every slot
        self._compiled_train = traced.Traced(
            self._replicated_train, static_shapes=task.static_shapes
        )
        self._started = self._waited = 0.0
        self._accumulated = (
            None
            if parts == 1
            else accumulation.Accumulated(
                task,
                model,
                optimizer,
                parts=parts,
                split=self._distribute,
                see=lambda sums: task_lib.update(self.train_metrics, sums),
                end=self._end_step,
            )
        )

    def train_step(self, iterator: Iterator[Any]) -> None:
        """Takes the next batch, does its host work, and runs the device step."""
        for call in self.before_steps:
            call()
        asked = time.perf_counter()
        batch = next(iterator)
        self._waited += time.perf_counter() - asked
        batch = self.task.prepare(batch, self.model)
        if self._accumulated is not None:
            self._accumulated.step(batch)
        else:
            self._compiled_train(self._distribute(batch))

    def _distribute(self, batch: Any) -> Any:
        return distribute(self.strategy, batch, self.task.device_part)

    def train_loop_begin(self) -> None:
        """Called by Orbit before each loop of steps."""
        super().train_loop_begin()
        self._started, self._waited = time.perf_counter(), 0.0

    def train_loop_end(self) -> dict[str, Any]:
        """The loop's metrics, and the share of its time without a batch; see `require_sane`."""
        taken = max(time.perf_counter() - self._started, 1e-9)
        self.require_sane()
        return {**super().train_loop_end(), "input_wait_fraction": self._waited / taken}

    def require_sane(self) -> None:
        """Looks at the losses since the start, and at the weights.

        Raises:
          Diverged: If training has diverged.
        """
        self._watch.check(self.model.trainable_variables, int(self.global_step.numpy()))

    def close(self) -> None:
        """Ends the threads that make batches; another step would start new ones."""
        self._train_stream.close()
        self.train_dataset = self._train_stream  # Orbit forgets its iterator, which has ended.

    def _replicated_train(self, batch: Any) -> None:
        def step(inputs: Any) -> None:
            logs = self.task.train_step(inputs, self.model, self.optimizer, self.train_metrics)
            self._end_step(logs[self.task.loss])

        self.strategy.run(step, args=(batch,))

    def _end_step(self, loss: tf.Tensor) -> None:
        """In a replica: what a step leaves besides new weights."""
        # Losses are sums over a global count: replicas add up to the global loss.
        self.train_loss.update_state(loss * self.strategy.num_replicas_in_sync)
        self._watch.see(strategies.collectives().global_sum(loss), self.global_step)
        self.global_step.assign_add(1)


def distribute(
    strategy: tf.distribute.Strategy,
    batch: Any,
    device_part: Callable[[Any], Any] = lambda part: part,
) -> Any:
    """Splits this worker's part of a global batch over its replicas, along the first axis.

    Args:
      strategy: It has the replicas.
      batch: Arrays, in any structure.
      device_part: A replica's part of them to what its device gets.

    Raises:
      ValueError: If the batch cannot be split evenly.
    """
    replicas = strategies.local_replicas(strategy)
    if replicas == 1:
        return tf.nest.map_structure(tf.convert_to_tensor, device_part(batch))
    parts = [
        device_part(tf.nest.map_structure(lambda array, i=i: _part(array, i, replicas), batch))
        for i in range(replicas)
    ]

    def of_replicas(*arrays: np.ndarray) -> Any:
        return strategy.experimental_distribute_values_from_function(
            lambda context: tf.convert_to_tensor(
                arrays[context.replica_id_in_sync_group % replicas]
            )
        )

    return tf.nest.map_structure(of_replicas, *parts)


def _part(array: np.ndarray, number: int, replicas: int) -> np.ndarray:
    if array.shape[0] % replicas:
        raise ValueError(
            f"A batch of {array.shape[0]} does not split over {replicas} replicas."
            " Make batch_size a multiple of the number of replicas."
        )
    size = array.shape[0] // replicas
    return array[number * size : (number + 1) * size]
