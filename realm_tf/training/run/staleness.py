# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Staleness: how old the snapshot is that a step's batch was made from, and its budget."""

from __future__ import annotations

import dataclasses
import io
import os
import time
from collections.abc import Callable

import numpy as np

from realm_tf import artifacts
from realm_tf import config as config_lib
from realm_tf.artifacts import gfile

FILE = "staleness.npz"
_UNKNOWN = -1.0


@dataclasses.dataclass(frozen=True)
class Age:
    """How old a snapshot is, by its embedder.

    Attributes:
      steps: Steps of the trainer since the embedder's.
      minutes: Minutes since it was exported; time before this process was started does not count,
        as nothing was trained meanwhile.
    """

    steps: int
    minutes: float

    def over(self, budget: config_lib.RefreshConfig) -> str | None:
        """Which budget it is over, in words; None if it is over none."""
        limit = budget.max_staleness_steps
        if limit is not None and self.steps > limit:
            return f"{self.steps} steps old, over its budget of {limit}"
        minutes = budget.max_staleness_minutes
        if minutes is not None and self.minutes > minutes:
            return f"{self.minutes:.1f} minutes old, over its budget of {minutes:g}"
        return None


class Staleness:
    """The staleness of every step of a training, kept in a file.

    Args:
      directory: Directory of the training.
      steps: Number of its steps.
      exported: Gives when the embedder of a snapshot was exported, in seconds of Unix time.
    """

    def __init__(self, directory: str, steps: int, exported: Callable[[int], float]):
        self._path = os.path.join(directory, FILE)
        self._exported = exported
        self._started = time.time()
        self._known: dict[int, float] = {}
        self._ages = np.full([2, steps], _UNKNOWN, np.float32)
        if gfile.exists(self._path):
            before = _read(self._path)[:, :steps]
            self._ages[:, : before.shape[1]] = before
        self._shown = 0

    def age(self, step: int, snapshot_step: int) -> Age:
        """How old a snapshot is at a step."""
        if snapshot_step not in self._known:
            self._known[snapshot_step] = self._exported(snapshot_step)
        since = max(self._known[snapshot_step], self._started)
        return Age(step - snapshot_step, (time.time() - since) / 60)

    def note(self, step: int, snapshot_step: int) -> None:
        """Takes down how old the snapshot is that the batch of a step was made from."""
        age = self.age(step, snapshot_step)
        self._ages[:, step] = age.steps, age.minutes

    def latest(self, step: int) -> dict[str, float]:
        """The mean of the minutes since this was asked last, for summaries."""
        minutes = self._ages[1, min(self._shown, step) : step]
        self._shown = step
        minutes = minutes[minutes != _UNKNOWN]
        return {"staleness_minutes": float(minutes.mean())} if len(minutes) else {}

    def save(self) -> None:
        """Writes the file."""
        stream = io.BytesIO()
        np.savez(stream, ages=self._ages)
        with artifacts.atomic_path(self._path) as aside, gfile.GFile(aside, "wb") as f:
            f.write(stream.getvalue())


def figures(directory: str) -> dict[str, float]:
    """Mean, 95th percentile and largest staleness of a training's steps, for its report.

    Args:
      directory: Directory of the training; there are no figures if it has no file of them.
    """
    path = os.path.join(directory, FILE)
    if not gfile.exists(path):
        return {}
    found = {}
    for unit, ages in zip(("steps", "minutes"), _read(path), strict=True):
        ages = ages[ages != _UNKNOWN]
        if len(ages):
            name = f"staleness_{unit}"
            found[f"{name}_mean"] = float(ages.mean())
            found[f"{name}_p95"] = float(np.percentile(ages, 95))
            found[f"{name}_max"] = float(ages.max())
    return found


def _read(path: str) -> np.ndarray:
    with gfile.GFile(path, "rb") as f:
        return np.load(io.BytesIO(f.read()), allow_pickle=False)["ages"]
