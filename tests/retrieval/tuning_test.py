# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The walk finds the cheapest width at the floor, and measures few to do so."""

import itertools
import time

import pytest

from realm_tf.retrieval import tuning, widths

LEAVES, REORDERED = tuning.ladder(1, 500), tuning.ladder(8, 2000)


def model(width):
    """Recall and cost as those of a ScaNN index."""
    leaves, reordered = width
    recall = (1 - 0.5 ** (leaves / 10)) * (1 - 0.5 ** (reordered / 30))
    return tuning.MeasuredWidth(width, recall, 5 * leaves + reordered)


@pytest.mark.parametrize("floor", [0.5, 0.9, 0.99, 0.9999])
def test_the_walk_finds_what_a_search_of_all_widths_finds(floor):
    walk = tuning.Walk(model, LEAVES, REORDERED, time.monotonic() + 60)
    everything = [model(widths.Width(*pair)) for pair in itertools.product(LEAVES, REORDERED)]
    best = min((p for p in everything if p.recall >= floor), key=lambda p: p.seconds)
    found = walk.good(floor)
    assert found[0] == best
    assert min(point.recall for point in found) >= floor
    assert [p.seconds for p in found] == sorted(p.seconds for p in found)
    assert len(walk.points) < len(everything) / 4


def test_nothing_is_good_where_nothing_reaches_the_floor():
    walk = tuning.Walk(model, [1, 2], REORDERED, time.monotonic() + 60)
    assert walk.good(0.9) == []
    assert walk.points
    assert not walk.is_late


def test_late_walk_keeps_what_it_has():
    walk = tuning.Walk(model, LEAVES, REORDERED, time.monotonic() - 1)
    assert walk.good(0.9) == []
    assert walk.is_late


def test_ladder_has_both_ends():
    assert tuning.ladder(1, 20) == [1, 2, 3, 4, 6, 9, 14, 20]
    assert tuning.ladder(7, 7) == tuning.ladder(9, 7) == [7]
