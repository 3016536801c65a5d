# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Every depth has the width of the next one that was measured."""

import pytest
import tensorflow as tf

from realm_tf.retrieval import widths

EVERYTHING = widths.Width(64, 1000)
TABLE = widths.WidthTable(
    {8: widths.Width(4, 20), 100: None, 200: widths.Width(30, 500)}, EVERYTHING
)


@pytest.mark.parametrize(
    ("k", "expected"),
    [(1, (4, 20)), (8, (4, 20)), (9, None), (100, None), (101, (30, 500)), (300, (45, 750)),
     (900, (64, 1000))],
)  # fmt: skip
def test_width(k, expected):
    assert TABLE.at(k) == expected


@pytest.mark.parametrize(
    ("k", "expected"),
    [(1, (4, 20)), (8, (4, 20)), (9, EVERYTHING), (200, (30, 500)), (201, EVERYTHING)],
)
def test_a_graph_searches_everything_where_there_is_no_width(k, expected):
    assert tuple(map(int, TABLE.in_graph(tf.constant(k)))) == expected


def test_beyond_an_exact_depth_search_is_exact():
    assert widths.WidthTable({8: EVERYTHING, 9: None}, EVERYTHING).at(50) is None


def test_json_keeps_it():
    read = widths.WidthTable.from_json(TABLE.to_json(), EVERYTHING)
    assert read == TABLE
    assert list(read.widths) == [8, 100, 200]
