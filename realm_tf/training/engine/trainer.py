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
from typing import Any, Protocol

import tensorflow as tf
import tf_keras
from official.core import base_trainer, config_definitions

from realm_tf.training.engine import (
    accumulation,
    best_weights,
    distribution,
    divergence,
    strategies,
    traced,
)
from realm_tf.training.engine import task as task_lib


class Batches(Protocol):
    """Batches in order, from the current step on: a `BatchStream`, or a feed of the device."""

    def __iter__(self) -> Iterator[Any]:
        """Starts at the current step."""

    def close(self) -> None:
        """Ends what makes batches."""


class Trainer(base_trainer.Trainer):
    """Trains a `RealmTask`.

    Attributes:
      before_steps: Functions that are called before every step, or before every loop of steps on
        the device; they may raise, to end it all.
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
        train_stream: Batches,
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
        return distribution.distribute(self.strategy, batch, self.task.device_part)

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
        self.train_dataset = None  # Orbit forgets its iterator; equal values are not assigned.
        self.train_dataset = self._train_stream

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
