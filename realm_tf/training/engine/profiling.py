# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A profile of some steps of a training: where their time goes, on the device and on the host."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence

import tensorflow as tf

_LOGGER = logging.getLogger(__name__)


@contextlib.contextmanager
def of_steps(
    steps: Sequence[int] | None, step: tf.Variable, directory: str
) -> Iterator[Callable[[], None]]:
    """Profiles the steps from the first number on, up to the second one, if there are two.

    Args:
      steps: The two numbers; None: nothing is profiled.
      step: The trainer's step.
      directory: Where `tf.profiler` writes, for the profile page of TensorBoard.

    Yields:
      To be called before every step.
    """
    first, limit = steps or (0, 0)
    running: list[int] = []

    def end() -> None:
        if running:
            running.clear()
            tf.profiler.experimental.stop()
            _LOGGER.info("the profile is in %s", directory)

    def before_step() -> None:
        done = int(step.numpy())
        if running and done >= limit:
            end()
        if not running and first <= done < limit:
            tf.profiler.experimental.start(directory)
            running.append(done)

    try:
        yield before_step
    finally:
        end()
