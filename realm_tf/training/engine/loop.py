# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""One training run: trainer, Orbit's controller, checkpoints, and resuming."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import orbit
import tensorflow as tf

from realm_tf import artifacts
from realm_tf import config as config_lib
from realm_tf.training.engine import (
    actions,
    batch_stream,
    checkpoints,
    dropout,
    optimizers,
    remat,
    task,
    trainer,
    workers,
)

_MAX_STEPS_PER_LOOP = 100


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
      make_batch: Pure function of the batch index, to the global batch.
      seed: Seed of the run, for dropout.
      runtime: Devices and input.
      checkpoint_every_steps: Interval of checkpoints.
      loop_steps: Training returns to the host's actions after this many steps.
      shown: Metrics to show as progress.
      make_actions: Given the trainer, what is called after each loop.
      on_start: Called with the step that training starts or resumes at; may stop it, as an action.
      worker: Which of the processes that train together this is.
      makes_part: Whether `make_batch` makes the worker's rows of the global batch alone.
    """

    name: str
    directory: str
    task: task.RealmTask
    model: Any
    optimizer_config: config_lib.OptimizerConfig
    steps: int
    make_batch: Callable[[int], Any]
    seed: int
    runtime: config_lib.RuntimeConfig
    checkpoint_every_steps: int
    optimizer: Any = None
    loop_steps: int = _MAX_STEPS_PER_LOOP
    shown: tuple[str, ...] = ()
    make_actions: Callable[[trainer.Trainer], Sequence[Callable]] = lambda _: ()
    on_start: Callable[[int], None] = lambda _: None
    worker: workers.Worker = workers.ALONE
    makes_part: bool = False

    def make_part(self, index: int) -> Any:
        """The worker's rows of a batch."""
        batch = self.make_batch(index)
        return batch if self.makes_part else self.worker.part(batch)


def fit(run: Run) -> trainer.Trainer:
    """Trains to `run.steps`, from the newest checkpoint if there is one."""
    dropout.make_stateless(run.model, seed=run.seed, stage=run.name)
    if run.runtime.remat:
        remat.rematerialise(run.model)
    optimization = optimizers.optimization_config(run.optimizer_config, run.steps)
    optimizer = run.optimizer or optimizers.make_optimizer(run.optimizer_config, run.steps)
    fitted = trainer.Trainer(
        config=task.experiment_config(optimization, train_steps=run.steps),
        task=run.task,
        model=run.model,
        optimizer=optimizer,
        train_stream=batch_stream.BatchStream(
            run.make_part,
            first=lambda: int(fitted.global_step.numpy()),
            depth=run.runtime.prefetch_batches,
            threads=run.runtime.input_threads,
            limit=run.steps,
        ),
        parts=run.runtime.accumulation_steps,
    )
    with contextlib.ExitStack() as stack:
        directory = run.directory
        if not run.worker.is_chief:  # it has to write checkpoints, too, but nobody reads them
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="realm-worker-"))
        tf.io.gfile.makedirs(directory)
        # Orbit prints a page per loop; it belongs to the run's log, progress to the terminal.
        log = os.path.join(directory, "orbit.log")
        log = os.devnull if artifacts.is_remote(log) else log  # object stores cannot append
        stack.enter_context(contextlib.redirect_stdout(stack.enter_context(open(log, "a"))))
        with checkpoints.damage(run.directory):
            plain = stack.enter_context(artifacts.plain_path(directory))
            controller = _controller(run, fitted, plain, os.path.join(directory, "summaries"))
            checkpoints.restore_as_chief(
                run.worker, fitted.checkpoint, fitted.global_step, run.directory
            )
        progress = actions.Progress(
            name=run.name, total_steps=run.steps, step=fitted.global_step, shown=run.shown
        )
        stack.callback(progress.close)
        controller.train_actions = (progress, *run.make_actions(fitted))
        _train(controller, run, fitted)
    return fitted


def _controller(
    run: Run, fitted: trainer.Trainer, directory: str, summaries: str
) -> orbit.Controller:
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
        summary_dir=summaries,
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
