# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The best weights of a run, by a held-out figure, kept beside its checkpoints."""

from __future__ import annotations

import json
import os

import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf.training.engine import checkpoints

_FILE = "best.json"


class BestWeights:
    """Keeps a model's weights whenever a figure is better than ever before.

    A run that was killed goes on from what it had kept: `best.json` is written last, and names the
    weights that it belongs to. (Orbit's `NewBestMetric` keeps the figure alone: after a kill nobody
    knows which weights had it.)

    Args:
      model: Model to keep the weights of; all of them are created.
      directory: Directory of the run.

    Attributes:
      step: Step of the best weights; -1 if there are none.
      value: The figure they had.
    """

    def __init__(self, model: tf.Module, directory: str):
        self._checkpoint = tf.train.Checkpoint(model=model)
        self._directory = directory
        self.step, self.value = -1, float("-inf")
        if tf.io.gfile.exists(self._path(_FILE)):
            self.step, self.value = _read(self._path(_FILE))
        self._sweep()

    def offer(self, step: int, value: float) -> None:
        """Keeps the model's weights as they are now if `value` is above all before.

        A run that repeats a step after a restart finds the same value and changes nothing.
        """
        if not value > self.value:  # nor if it is not a number
            return
        self._checkpoint.write(self._path(self._prefix(step)))
        artifacts.write_text(
            self._path(_FILE),
            json.dumps({"step": step, "value": value, "name": self._prefix(step)}),
        )
        self.step, self.value = step, value
        self._sweep()

    def _sweep(self) -> None:
        """Removes the weights that were the best before, and what a killed save has left."""
        found = tf.io.gfile.listdir(self._directory) if tf.io.gfile.isdir(self._directory) else []
        for name in (n.rstrip("/") for n in found):
            if name.startswith("best-") and not name.startswith(f"{self._prefix(self.step)}."):
                path = self._path(name)
                (tf.io.gfile.rmtree if tf.io.gfile.isdir(path) else tf.io.gfile.remove)(path)

    def restore(self) -> None:
        """Fills the model with the best weights.

        Raises:
          UserError: If there are none, or they are damaged.
        """
        if self.step < 0:
            raise types.UserError(f"{self._directory} holds no best weights: nothing was measured.")
        folder = self._directory
        with checkpoints.damage_errors(folder), artifacts.plain_path(folder) as directory:
            prefix = os.path.join(directory, self._prefix(self.step))
            status = self._checkpoint.read(prefix)
            status.assert_existing_objects_matched().expect_partial()

    def _prefix(self, step: int) -> str:
        return f"best-{step:09d}"

    def _path(self, name: str) -> str:
        return os.path.join(self._directory, name)


def _read(path: str) -> tuple[int, float]:
    known = artifacts.read_json(path)
    try:
        return int(known["step"]), float(known["value"])
    except (KeyError, TypeError, ValueError) as error:
        raise types.UserError(
            f"{path} is damaged: it does not tell step and value. Delete {os.path.dirname(path)}:"
            " this training is then done again."
        ) from error
