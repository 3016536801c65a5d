# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What happens between training loops: progress, and stopping when a gate is passed."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf
import tqdm

_LOGGER = logging.getLogger(__name__)


class Progress:
    """Shows the step and the metrics: a bar on a terminal, a line per loop elsewhere.

    Args:
      name: Name of the stage.
      total_steps: Where it ends.
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

    def __call__(self, outputs: Mapping[str, Any]) -> None:
        """Called by Orbit after each loop, with the trainer's logs."""
        step = int(self._step.numpy())
        figures = {n: float(outputs[n]) for n in self._shown if n in outputs}
        text = " ".join(f"{name}={value:.4g}" for name, value in figures.items())
        self._bar.n = step
        self._bar.set_postfix_str(text)
        if self._bar.disable:
            first_step, first_time = self._started
            rate = (step - first_step) / max(time.monotonic() - first_time, 1e-6)
            _LOGGER.info(
                "%s %d/%d %s (%.2f steps/s)", self._name, step, self._total_steps, text, rate
            )

    def close(self) -> None:
        """Ends the bar."""
        self._bar.close()


class Every:
    """Calls a function with the step whenever it is a multiple of `steps`.

    Args:
      steps: The interval; the loop length must divide it.
      step: The trainer's step.
      function: What to call; the figures that it returns join the loop's summaries.
    """

    def __init__(
        self,
        *,
        steps: int,
        step: tf.Variable,
        function: Callable[[int], Mapping[str, float] | None],
    ):
        self._steps = steps
        self._step = step
        self._function = function

    def __call__(self, outputs: dict[str, Any]) -> None:
        """Called by Orbit after each loop, before it writes the summaries."""
        step = int(self._step.numpy())
        if step % self._steps == 0:
            outputs.update(self._function(step) or {})
