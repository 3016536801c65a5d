# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""One training run: trainer, Orbit's controller, checkpoints, and resuming."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import orbit
import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.training.engine import (
    actions,
    best_weights,
    checkpoints,
    divergence,
    dropout,
    figures,
    optimizers,
    preemption,
    profiling,
    remat,
    task,
    trainer,
    trainers,
    workers,
)

_LOGGER = logging.getLogger(__name__)
_MOST_STEPS = 100
_SHOWN_RECORDS = 8


class Watch(Protocol):
    """What a training run is watched by: it judges the figures after each of its loops."""

    def judge(self, rows: Sequence[figures.Row]) -> Mapping[str, float]:
        """Further figures for the newest row; called in the chief after each loop."""

    def act(self, rows: Sequence[figures.Row]) -> None:
        """Called after that in every worker, and when training starts; may stop it, as an action.

        Args:
          rows: Of the chief, with what was judged; none in other workers.
        """


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """What one training run is made of.

    Attributes:
      name: Name of the stage, for progress.
      directory: Directory of the checkpoints and summaries.
      task: The task, made in the strategy's scope.
      model: Model to train, with all weights created in the strategy's scope.
      optimizer_config: Learning rate and so on.
      optimizer: If not simply made from `optimizer_config`.
      steps: Number of steps of the training.
      make_batch: Pure function of the batch index, to the global batch.
      records: Names of the records of the batch of an index, for messages.
      seed: Seed of the run, for dropout.
      before_batch: Function that is called with an index before its batch is taken; see
        `BatchStream`. Before a loop on the device it is called once, with the first index and the
        number of steps.
      runtime: Devices and input.
      checkpoint_every_steps: Interval of checkpoints.
      host_every: Intervals in steps. Training returns to the host's actions at their multiples, at
        those of `checkpoint_every_steps`, and at every hundredth step.
      shown: Metrics to show as progress.
      make_actions: Given the trainer, what is called after each loop.
      measure: Held-out figures of the weights as they are at a step: taken by the chief, at every
        checkpoint's interval and at the last step; they join the summaries.
      best_by: Of these, the figure whose best weights the chief's model has in the end; None: the
        last weights.
      watch: Judge of the figures of every loop; None: there is none.
      on_start: Function that is called with the step that training starts or resumes at; it may
        stop the training, as an action may.
      worker: Which of the processes that train together this is.
      makes_part: Whether `make_batch` makes the worker's rows of the global batch alone.
      state: Objects that are part of the checkpoint, too, by name.
    """

    name: str
    directory: str
    task: task.RealmTask
    model: Any
    optimizer_config: config_lib.OptimizerConfig
    steps: int
    make_batch: Callable[[int], Any]
    records: Callable[[int], Sequence[str]]
    seed: int
    runtime: config_lib.RuntimeConfig
    checkpoint_every_steps: int
    optimizer: Any = None
    host_every: tuple[int, ...] = ()
    shown: tuple[str, ...] = ()
    before_batch: Callable[..., None] = lambda *_: None
    make_actions: Callable[[trainer.Trainer], Sequence[Callable]] = lambda _: ()
    measure: Callable[[int], Mapping[str, float]] | None = None
    best_by: str | None = None
    watch: Watch | None = None
    on_start: Callable[[int], None] = lambda _: None
    worker: workers.Worker = workers.ALONE
    makes_part: bool = False
    state: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def make_part(self, index: int) -> Any:
        """The worker's rows of a batch."""
        batch = self.make_batch(index)
        return batch if self.makes_part else self.worker.part(batch)


def fit(run: Run) -> trainer.Trainer:
    """Trains to `run.steps`, from the newest checkpoint if there is one.

    Raises:
      UserError: If training diverges, or all checkpoints are damaged.
      Terminated: If the process was asked to end; there is a checkpoint then.
    """
    dropout.make_stateless(run.model, seed=run.seed, stage=run.name)
    if run.runtime.remat:
        remat.rematerialise(run.model)
    optimizer = run.optimizer or optimizers.make_optimizer(run.optimizer_config, run.steps)
    fitted = trainers.make(
        task=run.task,
        model=run.model,
        optimizer=optimizer,
        optimizer_config=run.optimizer_config,
        steps=run.steps,
        runtime=run.runtime,
        make_batch=run.make_part,
        before_batch=run.before_batch,
    )
    for name, item in run.state.items():
        setattr(fitted.checkpoint, name, item)
    with contextlib.ExitStack() as stack:
        directory = run.directory
        if not run.worker.is_chief:  # it has to write checkpoints, too, but nobody reads them
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="realm-worker-"))
        tf.io.gfile.makedirs(directory)
        # Orbit prints a page per loop; it belongs to the run's log, progress to the terminal.
        log = os.path.join(directory, "orbit.log")
        log = os.devnull if artifacts.is_remote(log) else log  # object stores cannot append
        stack.enter_context(contextlib.redirect_stdout(stack.enter_context(open(log, "a"))))
        if run.worker.is_chief:
            checkpoints.recover(run.directory)
        with checkpoints.damage_errors(run.directory):
            plain = stack.enter_context(artifacts.plain_path(directory))
            controller = _controller(run, fitted, plain, os.path.join(directory, "summaries"))
        checkpoints.restore_as_chief(
            run.worker, fitted.checkpoint, fitted.global_step, run.directory
        )
        progress = actions.Progress(
            name=run.name, total_steps=run.steps, step=fitted.global_step, shown=run.shown
        )
        stack.callback(progress.close)
        choice, kept = _Choice(run, fitted), _Figures(run, fitted)
        controller.train_actions = (
            *run.make_actions(fitted),
            *choice.actions(),
            progress,  # which shows all figures
            kept,
        )
        end_if_asked = stack.enter_context(preemption.at_next_step(run.worker.any))
        profiled = run.runtime.profile_steps if run.worker.is_chief else None
        profile = stack.enter_context(
            profiling.of_steps(profiled, fitted.global_step, os.path.join(directory, "summaries"))
        )
        fitted.before_steps = (end_if_asked, profile)
        _train(controller, run, fitted, kept)
        choice.finish()
    return fitted


def _controller(
    run: Run, fitted: trainer.Trainer, directory: str, summaries: str
) -> orbit.Controller:
    """The controller of a run, restored from its newest checkpoint, if there is one."""
    manager = checkpoints.Manager(
        fitted.checkpoint,
        directory,
        step=fitted.global_step,
        every_steps=run.checkpoint_every_steps,
        before_save=fitted.require_sane,
    )
    intervals = (_MOST_STEPS, run.checkpoint_every_steps, *run.host_every)
    return orbit.Controller(
        global_step=fitted.global_step,
        trainer=fitted,
        # A loop ends where the next interval does, wherever training was stopped before.
        steps_per_loop=lambda step: int(min(every - step % every for every in intervals)),
        checkpoint_manager=manager,
        summary_dir=summaries,
    )


class _Choice:
    """Measures a run, and chooses the weights that it ends with; the chief alone does.

    No collective is part of it: meanwhile, the other workers wait in the next step.
    """

    def __init__(self, run: Run, fitted: trainer.Trainer):
        self._run, self._fitted = run, fitted
        self._measured = run.measure if run.worker.is_chief else None
        if run.best_by and self._measured:
            fitted.kept = best_weights.BestWeights(run.model, run.directory)

    def actions(self) -> list[Callable]:
        every, step = self._run.checkpoint_every_steps, self._fitted.global_step
        if self._measured is None:
            return []
        return [actions.every(steps=every, step=step, function=self._measure)]

    def finish(self) -> None:
        """Fills the model with the best weights; the last ones are looked at, too."""
        step = int(self._fitted.global_step.numpy())
        if self._measured and step % self._run.checkpoint_every_steps:
            self._measure(step)
        if self._fitted.kept:
            self._fitted.kept.restore()

    def _measure(self, step: int) -> Mapping[str, float]:
        run, kept = self._run, self._fitted.kept
        figures = self._measured(step) if self._measured else {}
        if kept:
            value = figures[str(run.best_by)]
            kept.offer(step, value)
            best = f"; best {kept.value:.4f} at step {kept.step}"
            _LOGGER.info("%s: %s %.4f at step %d%s", run.name, run.best_by, value, step, best)
        return figures


class _Figures:
    """Keeps the figures of every loop, and has them judged."""

    def __init__(self, run: Run, fitted: trainer.Trainer):
        self._watch, self._step = run.watch, fitted.global_step
        self._before = int(self._step.numpy()), time.monotonic()
        self._log = None
        if run.worker.is_chief:
            self._log = figures.FigureLog(run.directory, int(self._step.numpy()))

    def __call__(self, outputs: dict[str, Any]) -> None:
        """Called by Orbit after each loop."""
        if self._log is not None:
            row = figures.plain(*self._speed(), outputs)
            judged = self._watch.judge([*self._log.rows, row]) if self._watch else {}
            outputs.update(judged)
            self._log.append({**row, **judged})
        self.act()

    def _speed(self) -> tuple[int, float]:
        """The step, and the steps per second since this was asked last."""
        step, now = int(self._step.numpy()), time.monotonic()
        (before, then), self._before = self._before, (step, now)
        return step, (step - before) / max(now - then, 1e-9)

    def act(self) -> None:
        """Lets the watch do what follows."""
        if self._watch:
            self._watch.act(self._log.rows if self._log is not None else ())


class StopTraining(Exception):  # noqa: N818
    """Raised to end a training run early, with a checkpoint, by an action or by `Run.on_start`."""


def _train(controller: orbit.Controller, run: Run, fitted: trainer.Trainer, kept: _Figures) -> None:
    try:
        run.on_start(int(fitted.global_step.numpy()))
        kept.act()
        if int(fitted.global_step.numpy()) < run.steps:
            controller.train(steps=run.steps)
    except StopTraining:
        controller.save_checkpoint()
    except preemption.Requested:
        controller.save_checkpoint()
        run.worker.any(False)  # the first to end would end the others before they have saved
        raise types.Terminated(
            f"ended by SIGTERM. Step {int(fitted.global_step.numpy())} of {run.name} is saved in"
            f" {run.directory}. Give the same command again: it goes on there."
        ) from None
    except divergence.Diverged as error:
        raise types.UserError(_diverged(run, error)) from error
    finally:
        fitted.close()


def _diverged(run: Run, error: divergence.Diverged) -> str:
    """What the user is told of a training that has diverged."""
    names = list(run.records(error.index))
    shown = ", ".join(names[:_SHOWN_RECORDS])
    more = f" and {len(names) - _SHOWN_RECORDS} more" if len(names) > _SHOWN_RECORDS else ""
    last = checkpoints.newest(run.directory)
    kept = f"The last checkpoint, {last}, is sound" if last else "There is no checkpoint yet"
    return (
        f"{run.name} has diverged at step {error.index + 1}: {error}. Its batch holds"
        f" {shown}{more}. {kept}; nothing later was saved. Lower the learning rate, or look at"
        " these records."
    )
