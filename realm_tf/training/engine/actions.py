# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What happens between training loops: progress, and stopping when a gate is passed."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import orbit
import tensorflow as tf
import tqdm

_LINE_EVERY_SECS = 60.0
_BAR_EVERY_SECS = 5.0

_LOGGER = logging.getLogger(__name__)


class Progress:
    """Shows the step and the metrics: a bar on a terminal, lines elsewhere.

    Metrics come when a training loop returns to the host, which may take many minutes. Meanwhile
    the step alone is shown: a line a minute where there is no terminal.

    Args:
      name: Name of the stage.
      total_steps: Number of steps of the training.
      step: The trainer's step.
      shown: Names of the metrics to show.
    """

    def __init__(
        self, *, name: str, total_steps: int, step: tf.Variable, shown: tuple[str, ...] = ()
    ):
        self._name = name
        self._total_steps = total_steps
        self._step = step
        self._shown = ("training_loss", *shown)
        self._started = (int(step.numpy()), time.monotonic())
        self._bar = tqdm.tqdm(
            desc=name, total=total_steps, unit="step", disable=not sys.stderr.isatty()
        )
        self._told = threading.Event()
        self._closed = False
        threading.Thread(target=self._tell_now_and_then, name="progress", daemon=True).start()

    def __call__(self, outputs: Mapping[str, Any]) -> None:
        """Called by Orbit after each loop, with the trainer's logs."""
        figures = {n: float(outputs[n]) for n in self._shown if n in outputs}
        self._tell(" ".join(f"{name}={value:.4g}" for name, value in figures.items()))
        self._told.set()

    def close(self) -> None:
        """Ends the bar, and the lines."""
        self._closed = True
        self._told.set()
        self._bar.close()

    def _tell(self, text: str) -> None:
        step = int(self._step.numpy())
        if not self._bar.disable:
            self._bar.n = step
            self._bar.set_postfix_str(text)
            return
        first_step, first_time = self._started
        rate = (step - first_step) / max(time.monotonic() - first_time, 1e-6)
        text = f"{text} " if text else ""
        _LOGGER.info("%s %d/%d %s(%.2f steps/s)", self._name, step, self._total_steps, text, rate)

    def _tell_now_and_then(self) -> None:
        every = _LINE_EVERY_SECS if self._bar.disable else _BAR_EVERY_SECS
        while not self._closed:
            if not self._told.wait(every):
                self._tell("")
            self._told.clear()


def every(
    *, steps: int, step: tf.Variable, function: Callable[[int], Mapping[str, float] | None]
) -> orbit.actions.ConditionalAction:
    """An action that calls a function with the step whenever it is a multiple of `steps`.

    Args:
      steps: The interval; it must be one of those at which training returns to the host.
      step: The trainer's step.
      function: Function to call; the figures that it returns join the loop's summaries.
    """

    def act(outputs: dict[str, Any]) -> None:
        outputs.update(function(int(step.numpy())) or {})

    return orbit.actions.ConditionalAction(lambda _: int(step.numpy()) % steps == 0, act)
