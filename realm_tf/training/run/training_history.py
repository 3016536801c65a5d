# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a joint training was like, from the files in its directory, during it or after it.

Nothing here imports TensorFlow.
"""

from __future__ import annotations

from typing import Any

from realm_tf.training.engine import figures
from realm_tf.training.run import alarms, staleness

_RECALL = "held_out_recall"


def told(directory: str) -> dict[str, Any]:
    """Figures for a report: staleness of the steps, recall of the snapshots, and alarms.

    Args:
      directory: Directory of the training; what it has no file of is left out.
    """
    rows = figures.read(directory)
    return {**staleness.figures(directory), **_recall(rows), **_alarms(rows)}


def _recall(rows: alarms.Rows) -> dict[str, float]:
    """Held-out recall of the first snapshot that was used, of the best, and of the last."""
    recalls = [row[_RECALL] for row in rows if _RECALL in row]
    if not recalls:
        return {}
    ends = {"first": recalls[0], "best": max(recalls), "last": recalls[-1]}
    return {f"{_RECALL}_{name}": value for name, value in ends.items()}


def _alarms(rows: alarms.Rows) -> dict[str, str]:
    found = [f"{name} at step {step}" for step, name in alarms.begun(rows)]
    return {"alarms": ", ".join(found)} if found else {}
