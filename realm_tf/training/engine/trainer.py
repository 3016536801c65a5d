# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The trainer: Model Garden's, with lazy input and its own compiled step.

Model Garden builds its data set in the constructor, before a checkpoint is restored, and compiles
for GPUs only. Here the input is a `BatchStream` that starts when the first step is asked for, at
the restored step, and the step is compiled whether or not there is an accelerator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from official.core import base_trainer, config_definitions

from realm_tf.training.engine import accumulation, best_weights, divergence, strategies
from realm_tf.training.engine import batch_stream as stream_lib
from realm_tf.training.engine import task as task_lib


class Trainer(base_trainer.Trainer):
    """Trains a `RealmTask`.

    Attributes:
      before_step: Called before every step; may raise, to end the training there.
      kept: The weights that the run ends with; None: the last ones.

    Args:
      config: Model Garden's experiment config.
      task: The task.
      model: Its model, with all weights created.
      optimizer: From `optimizers`.
      train_stream: This worker's parts of the global batches, from the current step on.
      parts: In how many parts, one after the other, a step is computed.
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
        self.before_step: Callable[[], None] = lambda: None
        self.kept: best_weights.BestWeights | None = None
        self._watch = divergence.Watch()
        optimizer.build(model.trainable_variables)  # so that a restore finds every slot
        self._compiled_train = tf.function(self._replicated_train)
        self._accumulated = (
            None
            if parts == 1
            else accumulation.Accumulated(
                task,
                model,
                optimizer,
                parts=parts,
                split=lambda part: distribute(self.strategy, part),
                see=lambda sums: task_lib.update(self.train_metrics, sums),
                end=self._end_step,
            )
        )

    def train_step(self, iterator: Iterator[Any]) -> None:
        """Takes the next batch, does its host work, and runs the device step."""
        self.before_step()
        batch = self.task.prepare(next(iterator), self.model)
        if self._accumulated is not None:
            self._accumulated.step(batch)
        else:
            self._compiled_train(distribute(self.strategy, batch))

    def train_loop_end(self) -> dict[str, tf.Tensor]:
        """The loop's metrics; see `require_sane`."""
        self.require_sane()
        return super().train_loop_end()

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
        self._watch.see(task_lib.collectives().global_sum(loss), self.global_step)
        self.global_step.assign_add(1)


def distribute(strategy: tf.distribute.Strategy, batch: Any) -> Any:
    """Splits this worker's part of a global batch over its replicas, along the first axis.

    Raises:
      ValueError: If the batch cannot be split evenly.
    """
    replicas = strategies.local_replicas(strategy)
    if replicas == 1:
        return tf.nest.map_structure(tf.convert_to_tensor, batch)

    def part(array: np.ndarray) -> Any:
        if array.shape[0] % replicas:
            raise ValueError(
                f"A batch of {array.shape[0]} does not split over {replicas} replicas."
                " Make batch_size a multiple of the number of replicas."
            )
        size = array.shape[0] // replicas

        def of(context: Any) -> tf.Tensor:
            start = context.replica_id_in_sync_group % replicas * size
            return tf.convert_to_tensor(array[start : start + size])

        return strategy.experimental_distribute_values_from_function(of)

    return tf.nest.map_structure(part, batch)
