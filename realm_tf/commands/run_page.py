# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Collects what the page of a run shows, from the files of the run alone, and writes it.

It needs no TensorFlow, and takes what is there: a run that has not ended has a page, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from realm_tf import artifacts
from realm_tf.artifacts import gfile
from realm_tf.commands import run_progress
from realm_tf.data import sampling
from realm_tf.evaluation import charts, predictions, report, run_page
from realm_tf.training.engine import figures

FILE = "report.html"

_EXAMPLES = 40
_SNAPSHOT_RECALL = "snapshot_recall.json"
# Title of a chart over the steps of a training, and the figures that it shows.
_OVER_STEPS = {
    "Loss": ("training_loss",),
    "Utility of retrieval, in nats": ("retrieval_utility", "held_out_retrieval_utility"),
    "Staleness of the index, in steps": ("staleness_steps",),
}


def write(workdir: str) -> str:
    """Writes the page of a run, atomically; returns its path."""
    path = os.path.join(workdir, FILE)
    artifacts.write_text(path, run_page.render(collect(workdir)))
    return path


def collect(workdir: str) -> run_page.Content:
    """What the page of a run shows."""
    measured = report.read(workdir)
    name, system = (list(measured.get("systems", {}).items()) or [("no system", {})])[-1]
    return run_page.Content(
        title=f"Run {os.path.basename(os.path.abspath(workdir))}",
        report=report.render(measured),
        charts=[*_of_trainings(workdir), *_of_calibration(system)],
        system=name,
        examples=_examples(os.path.join(workdir, predictions.file_name(name))),
    )


def _of_trainings(workdir: str) -> Iterator[charts.Chart]:
    names: dict[str, int] = {}
    lines: dict[str, dict[str, charts.Points]] = {title: {} for title in _OVER_STEPS}
    recalls: dict[str, charts.Points] = {}
    for training in run_progress.trainings(workdir):
        stage, directory = training["stage"], training["directory"]
        names[stage] = names.get(stage, 0) + 1
        label = stage if names[stage] == 1 else f"{stage} {names[stage]}"
        rows = figures.read(directory)
        for title, shown in _OVER_STEPS.items():
            for figure in shown:
                if points := [(row["step"], row[figure]) for row in rows if figure in row]:
                    lines[title][f"{label}: {figure}"] = points
        if by_snapshot := _snapshots(directory):
            recalls[label] = by_snapshot
    yield from (charts.Chart(title, "step", found) for title, found in lines.items() if found)
    if recalls:
        title = "Held-out recall by snapshot"
        yield charts.Chart(title, "step of the snapshot", recalls)


def _snapshots(directory: str) -> charts.Points:
    path = os.path.join(directory, _SNAPSHOT_RECALL)
    found = artifacts.read_json(path) if gfile.exists(path) else {}
    return sorted((int(step), told["held_out_recall"]) for step, told in found.items())


def _of_calibration(system: Mapping[str, Any]) -> Iterator[charts.Chart]:
    diagrams = system.get("diagrams", {})
    lines = {
        name: [(part["mean"], part["share"]) for part in diagram]
        for name, diagram in diagrams.items()
        if diagram
    }
    if lines:
        title = "Calibration: share that is so, by probability"
        yield charts.Chart(title, "probability", lines, diagonal=True)


def _examples(path: str) -> Sequence[predictions.Prediction]:
    """Right and wrong answers, half of each where there are so many, evenly spread."""
    if not gfile.exists(path):
        return []
    asked = predictions.read(path)
    halves = ([p for p in asked if p.correct], [p for p in asked if not p.correct])
    return [p for half in halves for p in sampling.evenly(half, _EXAMPLES // 2)]
