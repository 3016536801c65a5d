# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The trainer that a run is configured with: its loops are the host's, or run on the device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tf_keras

from realm_tf import config as config_lib
from realm_tf.training.engine import batch_stream, device_loop, optimizers, trainer
from realm_tf.training.engine import task as task_lib


def make(
    *,
    task: task_lib.RealmTask,
    model: tf_keras.Model,
    optimizer: Any,
    optimizer_config: config_lib.OptimizerConfig,
    steps: int,
    runtime: config_lib.RuntimeConfig,
    make_batch: Callable[[int], Any],
    before_batch: Callable[..., None],
) -> trainer.Trainer:
    """Makes the trainer of a run, in the strategy's scope.

    Args:
      task: The task; steps that need the host return to it, however the run is configured.
      model: Model of the task, with all weights created.
      optimizer: From `optimizers`.
      optimizer_config: What it was made from.
      steps: Number of steps of the training.
      runtime: Devices and input.
      make_batch: Index to this worker's part of a batch.
      before_batch: See `loop.Run`.
    """
    on_device = runtime.device_loop and not task.has_host_phase
    stream = batch_stream.BatchStream(
        make_batch,
        first=lambda: int(made.global_step.numpy()),
        depth=runtime.prefetch_batches,
        threads=runtime.input_threads,
        limit=steps,
        **({} if on_device else {"before": before_batch}),
    )
    optimization = optimizers.optimization_config(optimizer_config, steps)
    parts: dict[str, Any] = {
        "config": task_lib.experiment_config(
            optimization, train_steps=steps, device_loop=on_device
        ),
        "task": task,
        "model": model,
        "optimizer": optimizer,
        "train_stream": stream,
    }
    made = (
        device_loop.DeviceLoopTrainer(**parts, before_batches=before_batch)
        if on_device
        else trainer.Trainer(**parts, parts=runtime.accumulation_steps)
    )
    return made
