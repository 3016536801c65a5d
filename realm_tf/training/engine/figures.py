# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The figures of every loop of a training, a line of JSON each, for whoever looks at the run.

They are what TensorBoard shows, in a form that needs neither TensorFlow nor the end of the run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from realm_tf import artifacts
from realm_tf.artifacts import gfile

FILE = "figures.jsonl"

# Name to value; "step" is the number of steps that were done when the loop ended.
Row = Mapping[str, float]


class FigureLog:
    """The rows of one training, in memory and in its file.

    Args:
      directory: Directory of the training.
      step: Step that it starts or resumes at: what came later is forgotten.
    """

    def __init__(self, directory: str, step: int):
        self._path = os.path.join(directory, FILE)
        known = read(directory)
        self.rows = [row for row in known if row["step"] <= step]
        if gfile.exists(self._path):  # a line may be torn, too
            artifacts.write_text(self._path, "".join(map(_line, self.rows)))

    def append(self, row: Row) -> None:
        """Adds the row of a loop."""
        self.rows.append(row)
        with gfile.GFile(self._path, "a") as f:
            f.write(_line(row))


def read(directory: str) -> list[Row]:
    """The rows of a training, in the order of their steps; a line that is not whole is left out."""
    path = os.path.join(directory, FILE)
    if not gfile.exists(path):
        return []
    with gfile.GFile(path, "r") as f:
        return [row for row in map(_parse, f.read().splitlines()) if row is not None]


def plain(step: int, steps_per_second: float, outputs: Mapping[str, Any]) -> dict[str, float]:
    """A row of what a loop has put out."""
    shown = {"steps_per_second": steps_per_second, **outputs}
    return {"step": step, **{name: float(f"{_number(v):.6g}") for name, v in shown.items()}}


def latest(rows: Sequence[Row], name: str) -> float | None:
    """The newest value of a figure that not every row has; None if there is none."""
    return next((row[name] for row in reversed(rows) if name in row), None)


def _number(value: Any) -> float:
    # What has a part in every replica, such as a learning rate, is no number to Python.
    return float(value.numpy() if hasattr(value, "numpy") else value)


def _line(row: Row) -> str:
    return json.dumps(dict(row)) + "\n"


def _parse(line: str) -> dict[str, float] | None:
    try:
        row = json.loads(line)
        return row if isinstance(row["step"], int) else None
    except (ValueError, KeyError, TypeError):
        return None
