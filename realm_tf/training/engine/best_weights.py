# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The best weights of a run, by a held-out figure, kept beside its checkpoints."""

from __future__ import annotations

import json
import os

import tensorflow as tf

from realm_tf import artifacts, types

_FILE = "best.json"


class BestWeights:
    """Keeps a model's weights whenever a figure is better than ever before.

    A run that was killed goes on from what it had kept: `best.json` is written last, and names the
    weights that it belongs to.

    Args:
      model: With all weights created.
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
            known = artifacts.read_json(self._path(_FILE))
            self.step, self.value = known["step"], known["value"]

    def offer(self, step: int, value: float) -> None:
        """Keeps the model's weights as they are now if `value` is above all before.

        A run that repeats a step after a restart finds the same value and changes nothing.
        """
        if value <= self.value:
            return
        before = self.step
        self._checkpoint.write(self._path(self._prefix(step)))
        artifacts.write_text(
            self._path(_FILE),
            json.dumps({"step": step, "value": value, "name": self._prefix(step)}),
        )
        self.step, self.value = step, value
        if before not in (-1, step):
            for file in tf.io.gfile.glob(self._path(f"{self._prefix(before)}.*")):
                tf.io.gfile.remove(file)

    def restore(self) -> None:
        """Fills the model with the best weights.

        Raises:
          UserError: If there are none.
        """
        if self.step < 0:
            raise types.UserError(f"{self._directory} holds no best weights: nothing was measured.")
        status = self._checkpoint.read(self._path(self._prefix(self.step)))
        status.assert_existing_objects_matched()

    def _prefix(self, step: int) -> str:
        return f"best-{step:09d}"

    def _path(self, name: str) -> str:
        return os.path.join(self._directory, name)
