# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""One training run: strategy, trainer, Orbit's controller, checkpoints, and resuming."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orbit
import tensorflow as tf
import tf_keras

from realm_tf import artifacts
from realm_tf import config as config_lib
from realm_tf.training.engine import actions, batch_stream, checkpoints, optimizers, task, trainer

_MAX_STEPS_PER_LOOP = 100


def make_strategy(config: config_lib.RuntimeConfig) -> tf.distribute.Strategy:
    """The distribution strategy that the configuration names: one object for all runs of a process.

    A second one on the same devices would use the first one's collective keys anew and fail.
    """
    return _strategy(config.strategy, config.tpu)


@functools.cache
def _strategy(name: str, tpu: str | None) -> tf.distribute.Strategy:
    if name == "one_device":
        return tf.distribute.OneDeviceStrategy(_first_device())
    if name == "mirrored":
        return tf.distribute.MirroredStrategy(_all_devices())
    if name == "multi_worker_mirrored":
        return tf.distribute.MultiWorkerMirroredStrategy()
    resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect(tpu or "local")
    return tf.distribute.TPUStrategy(resolver)


@contextlib.contextmanager
def scope(config: config_lib.RuntimeConfig) -> Iterator[None]:
    """Where models, optimisers and tasks of a training run are made: strategy and precision."""
    policy = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy(
        "mixed_bfloat16" if config.mixed_bfloat16 else "float32"
    )
    try:
        with make_strategy(config).scope():
            yield
    finally:
        tf_keras.mixed_precision.set_global_policy(policy)


def _all_devices() -> list[str]:
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    return [device.name for device in tf.config.list_logical_devices(kind)]


def _first_device() -> str:
    return _all_devices()[0]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """What one training run is made of.

    Attributes:
      name: Name of the stage, for progress.
      directory: For checkpoints and summaries.
      task: The task, made in the strategy's scope.
      model: With all weights created, in the strategy's scope.
      optimizer_config: Learning rate and so on.
      optimizer: If not simply made from `optimizer_config`.
      steps: Where training ends.
      make_batch: Pure function of the batch index.
      before_batch: Called with an index before its batch is taken; see `BatchStream`.
      runtime: Devices and input.
      checkpoint_every_steps: Interval of checkpoints.
      loop_steps: Training returns to the host's actions after this many steps.
      shown: Metrics to show as progress.
      make_actions: Given the trainer, what is called after each loop.
      on_start: Called with the step that training starts or resumes at; may stop it, as an action.
    """

    name: str
    directory: str
    task: task.RealmTask
    model: Any
    optimizer_config: config_lib.OptimizerConfig
    steps: int
    make_batch: Callable[[int], Any]
    runtime: config_lib.RuntimeConfig
    checkpoint_every_steps: int
    optimizer: Any = None
    loop_steps: int = _MAX_STEPS_PER_LOOP
    shown: tuple[str, ...] = ()
    before_batch: Callable[[int], None] = lambda _: None
    make_actions: Callable[[trainer.Trainer], Sequence[Callable]] = lambda _: ()
    on_start: Callable[[int], None] = lambda _: None


def fit(run: Run) -> trainer.Trainer:
    """Trains to `run.steps`, from the newest checkpoint if there is one."""
    optimization = optimizers.optimization_config(run.optimizer_config, run.steps)
    optimizer = run.optimizer or optimizers.make_optimizer(run.optimizer_config, run.steps)
    fitted = trainer.Trainer(
        config=task.experiment_config(optimization, train_steps=run.steps),
        task=run.task,
        model=run.model,
        optimizer=optimizer,
        train_stream=batch_stream.BatchStream(
            run.make_batch,
            first=lambda: int(fitted.global_step.numpy()),
            depth=run.runtime.prefetch_batches,
            threads=run.runtime.input_threads,
            limit=run.steps,
            before=run.before_batch,
        ),
    )
    tf.io.gfile.makedirs(run.directory)
    with contextlib.ExitStack() as stack:
        # Orbit prints a page per loop; it belongs to the run's log, progress to the terminal.
        log = os.path.join(run.directory, "orbit.log")
        log = os.devnull if artifacts.is_remote(log) else log  # object stores cannot append
        stack.enter_context(contextlib.redirect_stdout(stack.enter_context(open(log, "a"))))
        directory = stack.enter_context(artifacts.plain_path(run.directory))
        with checkpoints.damage(run.directory):
            controller = _controller(run, fitted, directory)
        progress = actions.Progress(
            name=run.name, total_steps=run.steps, step=fitted.global_step, shown=run.shown
        )
        stack.callback(progress.close)
        controller.train_actions = (*run.make_actions(fitted), progress)  # which shows all figures
        _train(controller, run, fitted)
    return fitted


def _controller(run: Run, fitted: trainer.Trainer, directory: str) -> orbit.Controller:
    """The controller of a run, restored from its newest checkpoint, if there is one."""
    manager = tf.train.CheckpointManager(
        fitted.checkpoint,
        directory,
        max_to_keep=2,
        step_counter=fitted.global_step,
        checkpoint_interval=run.checkpoint_every_steps,
    )
    return orbit.Controller(
        global_step=fitted.global_step,
        trainer=fitted,
        steps_per_loop=min(run.loop_steps, run.checkpoint_every_steps),
        checkpoint_manager=manager,
        summary_dir=os.path.join(run.directory, "summaries"),
    )


class StopTraining(Exception):  # noqa: N818
    """Raised by an action, or by `Run.on_start`, to end a run early, with a checkpoint."""


def _train(controller: orbit.Controller, run: Run, fitted: trainer.Trainer) -> None:
    try:
        run.on_start(int(fitted.global_step.numpy()))
        if int(fitted.global_step.numpy()) < run.steps:
            controller.train(steps=run.steps)
    except StopTraining:
        controller.save_checkpoint()
    finally:
        fitted.close()
