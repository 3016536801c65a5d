# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Recall against exact search."""

import dataclasses

import numpy as np
import pytest

from realm_tf import types
from realm_tf.retrieval import index, recall, vectors
from tests.retrieval import segments


@dataclasses.dataclass
class Found:
    """Answers every search with the same rows."""

    rows: np.ndarray

    def search(self, queries, k):
        return types.RetrievedBlocks(np.tile(self.rows, (len(queries), 1)), None)


@pytest.fixture
def table(tmp_path):
    values = np.array([[5.0], [4.0], [3.0], [2.0], [4.0]])
    return vectors.VectorTable.open(segments.write_vectors(tmp_path, [values[:2], values[2:]]))


@pytest.mark.parametrize(
    ("rows", "k", "expected"),
    [
        ([0, 1], 2, 1.0),
        ([0, 4], 2, 1.0),  # as good as row 1
        ([0, 3], 2, 0.5),
        ([0, -1], 2, 0.5),
        ([3, 2], 2, 0.0),
        ([0, 1, 4, 2, 3], 9, 1.0),  # k is clamped
    ],
)
def test_recall(table, rows, k, expected):
    queries = np.ones((3, 1), np.float32)
    assert segments.index_recall(Found(np.array(rows)), table, queries, k) == expected


def test_exact_scores_are_the_largest_over_all_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(recall, "_CHUNK_ROWS", 7)
    values, queries = segments.normal(40, 4), segments.normal(5, 4, seed=1)
    table = vectors.VectorTable.open(segments.write_vectors(tmp_path, [values]))
    expected = -np.sort(-(queries @ values.T), axis=1)[:, :9]
    np.testing.assert_allclose(recall.exact_scores(table, queries, 9), expected, rtol=1e-5)


def test_an_exact_index_has_recall_one(table):
    assert segments.index_recall(index.exact(table), table, np.ones((2, 1), np.float32), 3) == 1.0
