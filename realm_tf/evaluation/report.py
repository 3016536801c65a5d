# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The evaluation report of a run: every measured figure, by stage, in `report.json`.

A section is what one stage measured: name to number, text, or another such mapping. A section of
mappings only, such as `systems`, is shown as a table, one column each.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

from realm_tf import artifacts
from realm_tf.storage import gfile

FILE = "report.json"

_GAP = "  "
_MISSING = "-"


def read(workdir: str) -> dict[str, Any]:
    """Reads the report of a run so far; it is empty if nothing was measured.

    Raises:
      UserError: If it is damaged.
    """
    path = os.path.join(workdir, FILE)
    return artifacts.read_json(path) if gfile.exists(path) else {}


def merge(workdir: str, stage: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    """Puts what a stage measured into the report, atomically, in place of what it measured before.

    Args:
      workdir: Directory of the run; only one process may write it.
      stage: Name of the section.
      figures: The measured figures, as JSON values or NumPy numbers; NaN and infinity become null.

    Returns:
      The whole report.
    """
    report = {**read(workdir), stage: _plain(figures)}
    gfile.makedirs(workdir)
    text = json.dumps(report, indent=1, ensure_ascii=False)
    artifacts.write_text(os.path.join(workdir, FILE), text + "\n")
    return report


def render(report: Mapping[str, Any]) -> str:
    """Renders the report of a run as aligned plain text, section by section."""
    return "\n\n".join(_section(name, figures) for name, figures in report.items())


def table(columns: Mapping[str, Mapping[str, Any]]) -> str:
    """Renders figures of several things side by side: a row for a figure, a column for a thing.

    Args:
      columns: Name of the thing to its figures; one that lacks a figure shows a dash. Figures that
        are mappings or lists themselves are left out.
    """
    names = list(dict.fromkeys(name for figures in columns.values() for name in _shown(figures)))
    rows = [["", *columns]]
    rows += [[name, *(_text(f.get(name)) for f in columns.values())] for name in names]
    return _align(rows)


def _section(name: str, figures: Any) -> str:
    if not isinstance(figures, Mapping):
        return f"{name}{_GAP}{_text(figures)}"
    if figures and all(isinstance(value, Mapping) for value in figures.values()):
        return f"{name}\n{table(figures)}"
    rows = [[key, _text(value)] for key, value in _shown(figures).items()]
    return f"{name}\n{_align(rows)}" if rows else name


def _shown(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in figures.items() if not isinstance(value, Mapping | list)}


def _align(rows: Sequence[Sequence[str]]) -> str:
    """Left-aligns the first column, and the others right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = (
        [
            row[0].ljust(widths[0]),
            *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True)),
        ]
        for row in rows
    )
    return "\n".join(_GAP + _GAP.join(line).rstrip() for line in lines)


def _text(value: Any) -> str:
    if value is None:
        return _MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _plain(value: Any) -> Any:
    """The value as JSON can hold it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if hasattr(value, "tolist"):  # NumPy
        return _plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value
