# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How fast an index is at which recall: the frontier of its widths, as a table and as a plot."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence

import numpy as np

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.retrieval import approximate, depths, gate, recall, tuning, vectors

_FLOORS = (0.8, 0.9, 0.95, 0.98, 0.99, 0.995)

Frontiers = Mapping[int, Sequence[tuning.MeasuredWidth]]


def tune(segment: str, queries: np.ndarray | None, config: config_lib.Config) -> Frontiers:
    """Trains an index and measures it at many widths; nothing is kept.

    Args:
      segment: Path of the "vectors" segment.
      queries: Queries to measure recall with, <float32>[num_queries, embed_dim]; None: vectors of
        blocks.
      config: Section `retrieval`: which index; the uses of the others decide its depths.

    Returns:
      Depth to the points that no other beats in recall and speed, from the fastest to the best.

    Raises:
      UserError: If the index is exact, or there are too few blocks.
    """
    table = vectors.VectorTable.open(segment)
    if config.retrieval.index == "exact":
        raise types.UserError(
            "An exact index has nothing to tune. Give --set retrieval.index=scann, or ivf."
        )
    queries = vectors.sample(table) if queries is None else queries
    searched = sorted({min(depth, len(table)) for depth in depths.depths(config)})
    with tempfile.TemporaryDirectory() as folder:
        trained = approximate.train(table, config.retrieval, folder)
        if trained is None:
            raise types.UserError(f"{segment} has too few vectors ({len(table)}) to tune an index.")
        truth = recall.GroundTruth.of(table, queries, searched[-1])
        started, found = time.monotonic(), {}
        for number, k in enumerate(searched, start=1):
            deadline = started + config.retrieval.tuning_seconds * number / len(searched)
            walk = gate.walk(trained[0], truth, k, config.retrieval, deadline)
            for floor in _FLOORS:
                walk.good(floor)
            found[k] = frontier(walk.points)
    return found


def table_of(frontiers: Frontiers, retrieval: config_lib.RetrievalConfig) -> str:
    """The frontiers for people; a star marks what a build takes: the fastest above the floor."""
    lines = [f"{'k':>6} {'leaves':>8} {'reordered':>10} {'recall':>8} {'queries/s':>10}"]
    for k, points in frontiers.items():
        good = [point for point in points if point.recall >= gate.floor(retrieval, k)]
        for point in points:
            leaves, reordered = point.width
            lines.append(
                f"{k:>6} {leaves:>8} {reordered:>10} {point.recall:>8.4f}"
                f" {1 / max(point.seconds, 1e-9):>10.0f}{' *' if good[:1] == [point] else ''}"
            )
    return "\n".join(lines)


def to_json(frontiers: Frontiers) -> list[dict[str, float]]:
    """The frontiers for programs."""
    return [
        {
            "k": k,
            **point.width._asdict(),
            "recall": point.recall,
            "queries_per_second": 1 / max(point.seconds, 1e-9),
        }
        for k, points in frontiers.items()
        for point in points
    ]


def plot(frontiers: Frontiers, path: str) -> None:
    """Draws the frontiers, recall over queries per second of processor time.

    Args:
      frontiers: As `tune` returns them.
      path: File for the picture, whose name ends in .svg, .png or .pdf.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    for k, points in frontiers.items():
        speeds = [1 / max(point.seconds, 1e-9) for point in points]
        axes.plot(speeds, [point.recall for point in points], marker=".", label=f"k = {k}")
    axes.set(xscale="log", xlabel="queries per second of processor time", ylabel="recall")
    axes.legend()
    with artifacts.atomic_path(path) as aside:
        figure.savefig(aside, format=path.rpartition(".")[2])
    pyplot.close(figure)


def frontier(points: Sequence[tuning.MeasuredWidth]) -> list[tuning.MeasuredWidth]:
    """The measured widths that no other beats in recall and speed, from the fastest to the best."""
    kept: list[tuning.MeasuredWidth] = []
    for point in sorted(points, key=lambda point: (point.seconds, -point.recall)):
        if not kept or point.recall > kept[-1].recall:
            kept.append(point)
    return kept
