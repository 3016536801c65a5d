# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The gate of an approximate index: at every depth its recall on real queries must reach a floor.

The width of each depth is searched for on a sample of the queries, within a time budget, and then
measured on all of them. A depth at which no width is good enough is searched exactly.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import tensorflow as tf

from realm_tf import config
from realm_tf.retrieval import recall, tuning, widths

_FLOORS = ((10, 0.99), (100, 0.95))  # by depth; deeper ones have _DEEP_FLOOR
_DEEP_FLOOR = 0.9
_MARGIN = 0.1  # of what is above the floor, for a sample may be easier than all queries
_SAMPLED_RESULTS = 20_000  # at least; so deep searches are tuned on fewer queries
_SAMPLES = (64, 500)
_LEAST_REORDERED = 2_000
_REORDERED_SHARE = 4  # at most one in so many blocks
_CANDIDATES = 4  # widths of a depth that are measured on all queries

_LOGGER = logging.getLogger(__name__)


class Layer(Protocol):
    """The approximate layer that is gated: `scann_layer.ScannTopK` or `ivf.IvfTopK`."""

    num_leaves: int
    table: widths.WidthTable

    def search(
        self, queries: tf.Tensor, k: int, width: widths.Width
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Searches at a width."""


@dataclasses.dataclass(frozen=True)
class Passed:
    """What the gate found at one depth.

    Attributes:
      width: The width to search with; None: search exactly.
      recall: Recall on all queries.
      seconds: Processor time of a query in a batch, as far as it was measured.
      points: Everything that was measured on the sample.
    """

    width: widths.Width | None
    recall: float
    seconds: float
    points: Sequence[tuning.MeasuredWidth]


def floor(retrieval: config.RetrievalConfig, k: int) -> float:
    """The recall that an index must have at a depth."""
    if retrieval.recall_floor:
        return retrieval.recall_floor
    return next((least for depth, least in _FLOORS if k <= depth), _DEEP_FLOOR)


def pass_through(
    layer: Layer,
    truth: recall.GroundTruth,
    depths: Sequence[int],
    retrieval: config.RetrievalConfig,
) -> dict[int, Passed]:
    """Finds the width of every depth.

    Args:
      layer: A trained layer.
      truth: Queries and their exact results, to the deepest depth.
      depths: Depths, ascending.
      retrieval: Floors, time budget, and the least width that the user wants.
    """
    started = time.monotonic()
    passed = {}
    for number, k in enumerate(depths, start=1):
        deadline = started + retrieval.tuning_seconds * number / len(depths)
        passed[k] = _pass(layer, truth, k, retrieval, deadline)
    return passed


def walk(
    layer: Layer,
    truth: recall.GroundTruth,
    k: int,
    retrieval: config.RetrievalConfig,
    deadline: float,
) -> tuning.Walk:
    """The gate's search for the width of one depth, on a sample of the queries."""
    return tuning.Walk(
        _measurer(layer, truth.sample(_sample_size(k)), k),
        *ladders(k, retrieval, layer.table.everything),
        deadline,
    )


def _pass(
    layer: Layer,
    truth: recall.GroundTruth,
    k: int,
    retrieval: config.RetrievalConfig,
    deadline: float,
) -> Passed:
    wanted = floor(retrieval, k)
    walked = walk(layer, truth, k, retrieval, deadline)
    good = walked.good(wanted + _MARGIN * (1 - wanted))
    in_full = _measurer(layer, truth, k)
    for point in [*good[: _CANDIDATES - 1], *good[_CANDIDATES - 1 :][-1:]]:
        measured = in_full(point.width)
        if measured.recall >= wanted:
            _LOGGER.info("recall@%d is %.4f with %s", k, measured.recall, measured.width)
            return Passed(point.width, measured.recall, measured.seconds, walked.points)
    best = max((point.recall for point in walked.points), default=0.0)
    _LOGGER.warning(
        "%s: no width tried%s brings recall@%d to %g; the best has %.3f. Searches so deep"
        " are exact",
        retrieval.index, " in retrieval.tuning_seconds" if walked.is_late else "", k, wanted, best,
    )  # fmt: skip
    return Passed(None, 1.0, float("nan"), walked.points)


def _measurer(
    layer: Layer, truth: recall.GroundTruth, k: int
) -> Callable[[widths.Width], tuning.MeasuredWidth]:
    return lambda width: tuning.measure(layer.search, truth, k, width)


def _sample_size(k: int) -> int:
    smallest, largest = _SAMPLES
    return min(max(_SAMPLED_RESULTS // k, smallest), largest)


def ladders(
    k: int, retrieval: config.RetrievalConfig, most: widths.Width
) -> tuple[list[int], list[int]]:
    """What the gate tries at a depth: numbers of leaves, and of candidates to reorder.

    An exact search costs little more than to gather half of the leaves (ivf), or than to reorder a
    quarter of the blocks (ScaNN, which goes through all leaves for less): no more is tried.

    Args:
      k: Number of blocks for each query.
      retrieval: The least of each that the user wants.
      most: The width at which everything is searched.
    """
    leaves, blocks = most.num_leaves_to_search, most.num_reordering_candidates
    least = min(max(1, retrieval.num_leaves_to_search), leaves)
    if not blocks:
        return tuning.ladder(least, max(least, leaves // 2, min(8, leaves))), [0]
    if k > blocks // _REORDERED_SHARE:
        return [], []
    lowest = min(max(k, retrieval.num_reordering_candidates), blocks)
    reordered = min(_most_reordered(k, blocks), blocks // _REORDERED_SHARE)
    return tuning.ladder(least, leaves), tuning.ladder(lowest, max(lowest, reordered))


def _most_reordered(k: int, num_blocks: int) -> int:
    """The most candidates that are worth reordering for the best k."""
    return min(max(8 * k, _LEAST_REORDERED), num_blocks)
