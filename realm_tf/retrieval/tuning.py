# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds how wide an approximate search must be: the cheapest width whose recall meets a floor.

Recall grows with leaves and with reordering, so the widths that meet a floor lie above a contour.
It is walked from the fewest leaves (and the widest reordering) to more leaves, while that pays.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from realm_tf.retrieval import recall, widths

BATCH = 64  # of queries: bounds the scores that are held at a time

_STEP = 1.5  # from one rung of a ladder to the next
_WORSE = 1.5  # so much dearer than the best, and the walk ends

Search = Callable[[tf.Tensor, int, widths.Width], tuple[tf.Tensor, tf.Tensor]]


@dataclasses.dataclass(frozen=True)
class MeasuredWidth:
    """A width of an approximate search that was measured: its recall and its time.

    Attributes:
      width: How wide the search was.
      recall: Its recall.
      seconds: Processor time of a query, in a batch.
    """

    width: widths.Width
    recall: float
    seconds: float


def measure(
    search: Search, truth: recall.GroundTruth, k: int, width: widths.Width
) -> MeasuredWidth:
    """Measures a width of a layer.

    Args:
      search: The layer's search: queries, k and width to scores and rows.
      truth: Queries and their exact results.
      k: Number of blocks for each query.
      width: How wide to search.
    """
    rows = np.full((len(truth.queries), k), -1, np.int64)
    started = time.process_time()
    for start in range(0, len(rows), BATCH):
        with tf.device("/CPU:0"):
            batch = tf.constant(truth.queries[start : start + BATCH])
            scores, found = (array.numpy() for array in search(batch, k, width))
        is_found = np.isfinite(scores)
        rows[start : start + BATCH, : found.shape[1]] = np.where(is_found, found, -1)
    seconds = (time.process_time() - started) / len(rows)
    return MeasuredWidth(width, truth.recall(rows), seconds)


def ladder(lowest: int, highest: int) -> list[int]:
    """Numbers from `lowest` to `highest`, each about half as large again as the one before."""
    rungs = [min(lowest, highest)]
    while rungs[-1] < highest:
        rungs.append(min(max(rungs[-1] + 1, round(_STEP * rungs[-1])), highest))
    return rungs


class Walk:
    """A walk along the contour of one floor, at one depth; the measured points stay for all.

    Args:
      measure_width: Measures a width.
      leaves: Numbers of leaves to search, ascending.
      reordered: Numbers of candidates to reorder, ascending; [0] if nothing is reordered.
      deadline: When to stop, on the clock of `time.monotonic`.
    """

    def __init__(
        self,
        measure_width: Callable[[widths.Width], MeasuredWidth],
        leaves: Sequence[int],
        reordered: Sequence[int],
        deadline: float,
    ):
        self._measure = measure_width
        self._leaves, self._reordered = leaves, reordered
        self._deadline = deadline
        self._points: dict[widths.Width, MeasuredWidth] = {}
        self.is_late = False

    @property
    def points(self) -> list[MeasuredWidth]:
        """All that was measured."""
        return list(self._points.values())

    def good(self, floor: float) -> list[MeasuredWidth]:
        """Walks, and returns the points at or above the floor, the cheapest first."""
        try:
            self._go(floor)
        except TimeoutError:
            self.is_late = True
        found = (point for point in self._points.values() if point.recall >= floor)
        return sorted(found, key=lambda point: point.seconds)

    def _go(self, floor: float) -> None:
        j = len(self._reordered) - 1
        first = self._first(0, len(self._leaves), lambda i: self._is_good(floor, i, j))
        best = float("inf")
        for i in range(first, len(self._leaves)):
            j = self._first(0, j, functools.partial(self._is_good, floor, i))
            point = self._at(i, j)
            if point.seconds > _WORSE * best:
                return
            best = min(best, point.seconds)
            if j == 0:
                return

    def _is_good(self, floor: float, i: int, j: int) -> bool:
        return self._at(i, j).recall >= floor

    def _at(self, i: int, j: int) -> MeasuredWidth:
        width = widths.Width(self._leaves[i], self._reordered[j])
        if width not in self._points:
            if time.monotonic() > self._deadline:
                raise TimeoutError
            self._points[width] = self._measure(width)
        return self._points[width]

    @staticmethod
    def _first(low: int, high: int, is_good: Callable[[int], bool]) -> int:
        """The first of the numbers from `low` that is good, `high` if none is."""
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if is_good(middle) else (middle + 1, high)
        return low
