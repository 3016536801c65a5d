# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reciprocal rank fusion by hand."""

import numpy as np
import pytest

from realm_tf import config
from realm_tf.retrieval import fusion


def test_rows_score_by_their_places():
    left, right = np.array([[3, 1, 2, -1]]), np.array([[1, 5, -1]])
    found = fusion.fuse([left, right], 5, config.FusionConfig(rank_constant=10.0))
    assert found.rows.tolist() == [[1, 3, 5, 2, -1]]
    expected = [1 / 12 + 1 / 11, 1 / 11, 1 / 12, 1 / 13, -np.inf]
    np.testing.assert_allclose(found.scores[0], expected, rtol=1e-6)


def test_equal_scores_are_in_the_order_of_the_rows():
    found = fusion.fuse([np.array([[7, 2]]), np.array([[4, 9]])], 3, config.FusionConfig())
    assert found.rows.tolist() == [[4, 7, 2]]


def test_depth():
    left, right = np.array([[3, 1], [0, 2]]), np.array([[1, 3], [-1, -1]])
    found = fusion.fuse([left, right], 2, config.FusionConfig(depth=1))
    assert found.rows.tolist() == [[1, 3], [0, -1]]


def test_beyond_the_depth_the_last_ranking_goes_on():
    left, right = np.array([[7, 2, 5]]), np.array([[2, 9, 5, 7, 4]])
    settings = config.FusionConfig(depth=2, rank_constant=1.0)
    whole = fusion.fuse([left, right], 6, settings)
    assert whole.rows.tolist() == [[2, 7, 9, 5, 4, -1]]
    expected = [1 / 3 + 1 / 2, 1 / 2, 1 / 3, 1 / 4, 1 / 6, -np.inf]
    np.testing.assert_allclose(whole.scores[0], expected, rtol=1e-6)
    for k in range(1, 6):
        part = fusion.fuse([left, right], k, settings)
        np.testing.assert_array_equal(part.rows, whole.rows[:, :k])
        np.testing.assert_array_equal(part.scores, whole.scores[:, :k])


@pytest.mark.parametrize("constant", [0.0, 60.0])
def test_one_ranking_stays_as_it_is(constant):
    ranking = np.random.default_rng(0).permuted(np.tile(np.arange(50), (4, 1)), axis=1)
    found = fusion.fuse([ranking], 50, config.FusionConfig(rank_constant=constant))
    np.testing.assert_array_equal(found.rows, ranking)
