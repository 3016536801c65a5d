# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the tasks share: gradients with collectives injected, and metrics as weighted means."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
import tf_keras
from official.core import base_task, config_definitions
from official.modeling import optimization

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.models import losses
from realm_tf.training.engine import dropout, strategies

# Name to (sum, count) over this replica's part of the batch.
Sums = dict[str, tuple[tf.Tensor, tf.Tensor]]
Metrics = Sequence[tf_keras.metrics.Metric]


class RealmTask(base_task.Task, abc.ABC):
    """A Model Garden task whose loss is a pure function of model, batch and collectives.

    Batches are NamedTuples of arrays, a kind for each task.

    Args:
      params: Model Garden's task config; its `model` is ours.
      jit_compile: Compile loss and gradients with XLA. On one replica only: collectives inside a
        compiled function fail.
      static_shapes: Whether all batches on the device have the same shapes, as XLA needs them;
        otherwise they are cut behind their longest text.
      logging_dir: Directory for summaries.
    """

    metric_names: tuple[str, ...] = ()
    # Whether a step needs the host, because what it computes from depends on current weights.
    has_host_phase = False

    def __init__(
        self,
        params: config_definitions.TaskConfig,
        *,
        jit_compile: bool = False,
        static_shapes: bool | None = None,
        logging_dir: str | None = None,
    ):
        super().__init__(params, logging_dir=logging_dir)
        if jit_compile and tf.distribute.get_strategy().num_replicas_in_sync > 1:
            raise types.UserError(
                "runtime.jit_compile works on one replica; under"
                f" {tf.distribute.get_strategy().num_replicas_in_sync} replicas set it to false"
                " (TPUs compile the whole step by themselves)."
            )
        self._jit_compile = jit_compile
        self.static_shapes = jit_compile if static_shapes is None else static_shapes
        self._compiled: Any = None

    @abc.abstractmethod
    def loss_and_sums(
        self, batch: Any, model: Any, *, training: bool, across: losses.Collectives
    ) -> tuple[tf.Tensor, Sums]:
        """The loss, <float32>[], and what the metrics are means of."""

    @abc.abstractmethod
    def count(self, batch: Any) -> float:
        """What the losses are means over: how many of it are in a batch, or a part of one."""

    def prepare(self, batch: Any, model: Any) -> Any:
        """Host work between making a batch and the device step. None, by default."""
        return batch

    def device_part(self, batch: Any) -> Any:
        """What the device gets of a replica's part of a batch: all of it, by default."""
        return batch

    def build_inputs(self, params: Any, input_context: Any = None) -> Any:
        """Model Garden's input hook, not used: the trainer receives its stream of batches."""
        raise NotImplementedError("Batches come from training.stream, not from the task.")

    def build_metrics(self, training: bool = True) -> list[tf_keras.metrics.Metric]:
        """One weighted mean per name in `metric_names`."""
        return [tf_keras.metrics.Mean(name) for name in self.metric_names]

    def train_step(
        self, inputs: Any, model: Any, optimizer: Any, metrics: Metrics | None = None
    ) -> dict[str, tf.Tensor]:
        """One optimiser step on this replica's part of the batch."""
        step = tf.convert_to_tensor(optimizer.iterations)
        loss, sums, gradients = self.gradients(inputs, model, step)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        update(metrics, sums)
        return {self.loss: loss}

    def gradients(
        self, batch: Any, model: Any, step: tf.Tensor, count: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, Sums, list[tf.Tensor]]:
        """Loss, sums and gradients of this replica's part of a batch.

        Args:
          batch: The replica's rows.
          model: The model.
          step: <int64>[], number that dropout draws from.
          count: <float32>[], what the losses are divided by, if `batch` is a part of something
            larger; see `count`.
        """
        return self._gradient_function()(batch, model, step, count)

    def _gradient_function(self) -> Callable[..., Any]:
        if not self._jit_compile:
            return self._loss_and_gradients
        if self._compiled is None:
            self._compiled = tf.function(self._loss_and_gradients, jit_compile=True)
        return self._compiled

    def _loss_and_gradients(
        self, batch: Any, model: Any, step: tf.Tensor, count: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, Sums, list[tf.Tensor]]:
        variables = model.trainable_variables
        across = strategies.collectives()
        if count is not None:
            across = across._replace(global_count=lambda _: count)
        with tf.GradientTape() as tape, dropout.at_step(step):
            loss, sums = self.loss_and_sums(batch, model, training=True, across=across)
        gradients = tape.gradient(
            loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        # Tied embeddings make some gradients IndexedSlices; one dense form for XLA and replicas.
        return loss, sums, [tf.convert_to_tensor(g) for g in gradients]


class ComparingTask(RealmTask):
    """A task whose loss compares all examples of the global batch with each other.

    It is computed in two halves: every example is encoded, then what they became is compared.
    """

    @abc.abstractmethod
    def encode(self, batch: Any, model: Any, *, training: bool) -> Sequence[tf.Tensor]:
        """The examples, each by itself: <float32>[batch_size, ...] tensors."""

    @abc.abstractmethod
    def compare(
        self, encoded: Sequence[tf.Tensor], across: losses.Collectives
    ) -> tuple[tf.Tensor, Sums]:
        """The loss, <float32>[], and what the metrics are means of, from what `encode` gave."""

    def loss_and_sums(
        self, batch: Any, model: Any, *, training: bool, across: losses.Collectives
    ) -> tuple[tf.Tensor, Sums]:
        """See `RealmTask`."""
        return self.compare(self.encode(batch, model, training=training), across)


def mean_over_masks(values: tf.Tensor, weights: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Sum and count of <float32>[batch_size, num_masks] values, weighted."""
    return tf.reduce_sum(values * weights), tf.reduce_sum(weights)


def mean(values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Sum and count of <float32> values."""
    return tf.reduce_sum(values), tf.cast(tf.size(values), tf.float32)


def spread(vectors: tf.Tensor, across: losses.Collectives) -> tf.Tensor:
    """For a metric of a task: the standard deviation of the global batch's vectors, by dimension.

    <float32>[batch_size, embed_dim] to <float32>[embed_dim].
    """

    def mean_of(values: tf.Tensor) -> tf.Tensor:
        count = across.global_sum(tf.cast(tf.shape(values)[0], tf.float32))
        return across.global_sum(tf.reduce_sum(values, axis=0)) / count

    return tf.sqrt(mean_of(tf.square(vectors - mean_of(vectors))))


def hits(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """For a task's metric of accuracy: 1 where the largest logit is the target's, 0 elsewhere.

    <float32>[..., vocab_size] against <int32>[...] to <float32>[...].
    """
    return tf.cast(tf.equal(tf.argmax(logits, -1, tf.int32), targets), tf.float32)


def update(metrics: Metrics | None, sums: Sums) -> None:
    """Adds a batch's sums to the metrics of their names."""
    for metric in metrics or ():
        total, count = sums[metric.name]
        metric.update_state(tf.math.divide_no_nan(total, count), sample_weight=count)


def options(config: config_lib.RuntimeConfig) -> dict[str, Any]:
    """What the configuration of devices says to every task."""
    return {"jit_compile": config.jit_compile, "static_shapes": config.has_static_shapes}


def task_config() -> config_definitions.TaskConfig:
    """Model Garden's task config. Data and model are ours, so it says nothing more."""
    return config_definitions.TaskConfig()


def experiment_config(
    optimization_config: optimization.OptimizationConfig,
    *,
    train_steps: int,
    device_loop: bool = False,
) -> config_definitions.ExperimentConfig:
    """Model Garden's configuration around a task: its optimiser, and how its loops run.

    Args:
      optimization_config: From `optimizers`.
      train_steps: Number of steps of the training.
      device_loop: Whether loops run on the device; otherwise they are Python loops.
    """
    return config_definitions.ExperimentConfig(
        task=task_config(),
        trainer=config_definitions.TrainerConfig(
            optimizer_config=optimization_config,
            train_steps=train_steps,
            train_tf_while_loop=device_loop,
            train_tf_function=device_loop,
            eval_tf_while_loop=False,
            eval_tf_function=False,
        ),
    )
