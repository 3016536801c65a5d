# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The frontier of measured widths; the whole command is run by the tests of the command line."""

from realm_tf.commands import tune_index
from realm_tf.retrieval import tuning, widths


def test_frontier_drops_what_is_beaten():
    points = [
        tuning.MeasuredWidth(widths.Width(n), recall, seconds)
        for n, (recall, seconds) in enumerate([(0.5, 1), (0.4, 2), (0.9, 3), (0.9, 4), (0.95, 9)])
    ]
    assert tune_index.frontier(points) == [points[0], points[2], points[4]]
