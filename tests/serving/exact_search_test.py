# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Exact search in the graph, against sorting all products."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import artifacts
from realm_tf.retrieval import vectors
from serving import exact_search


def _table(tmp_path, numbers, *cuts, dtype="float32"):
    shards = np.split(numbers, cuts)
    writer = artifacts.SegmentWriter(
        str(tmp_path / "vectors"), kind=vectors.KIND, settings={}, made_from={}
    )
    for i, shard in enumerate(shards):
        ids = np.arange(len(shard), dtype=np.uint64)
        names = vectors.write_shard(
            writer.path, i, len(shards), block_ids=ids, vectors=shard, dtype=dtype
        )
        for name in names:
            writer.add(name)
    return vectors.VectorTable.open(writer.commit())


@pytest.mark.parametrize("num_rows", [1, 5, 511, 512, 513, 1024, 1800])
def test_the_best_rows_are_found_with_padding_and_ties(tmp_path, num_rows):
    rng = np.random.default_rng(num_rows)
    # Whole numbers, so that many products are equal, and all below those of the padding's zeros.
    numbers = -rng.integers(1, 4, (num_rows, 3)).astype(np.float32)
    queries = rng.integers(1, 4, (70, 3)).astype(np.float32)
    search = exact_search.ExactSearch(_table(tmp_path, numbers, num_rows // 3))
    products = queries @ numbers.T
    for count in {1, min(7, num_rows), num_rows}:
        rows, scores = search(tf.constant(queries), count)
        expected = np.argsort(-products, axis=1, kind="stable")[:, :count]
        np.testing.assert_array_equal(rows, expected)
        np.testing.assert_array_equal(scores, np.take_along_axis(products, expected, 1))


@pytest.mark.parametrize("num_rows", [5, 512, 1800])
def test_only_allowed_rows_are_found(tmp_path, num_rows):
    rng = np.random.default_rng(num_rows)
    numbers = -rng.integers(1, 4, (num_rows, 3)).astype(np.float32)
    queries = rng.integers(1, 4, (70, 3)).astype(np.float32)
    allowed = rng.random((70, num_rows)) < rng.choice([0, 0.01, 0.5, 1], (70, 1))
    search = exact_search.ExactSearch(_table(tmp_path, numbers))
    filters = tf.constant([str(number) for number in range(70)])
    restriction = exact_search.Restriction(
        filters, lambda names: tf.gather(allowed, tf.strings.to_number(names, tf.int32))
    )
    products = np.where(allowed, queries @ numbers.T, -np.inf)
    for count in (1, 4, num_rows):
        rows, scores = search(tf.constant(queries), count, restriction)
        expected = np.argsort(-products, axis=1, kind="stable")[:, :count]
        best = np.take_along_axis(products, expected, 1)
        np.testing.assert_array_equal(scores, best)
        np.testing.assert_array_equal(rows, np.where(np.isfinite(best), expected, -1))


def test_no_question(tmp_path):
    search = exact_search.ExactSearch(_table(tmp_path, np.ones((4, 3), np.float32)))
    rows, scores = search(tf.zeros([0, 3]), 2)
    assert rows.shape == scores.shape == [0, 2]


@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_vectors_are_searched_as_they_are_stored(tmp_path, dtype):
    rng = np.random.default_rng(0)
    table = _table(tmp_path, rng.standard_normal((700, 8)).astype(np.float32), 300, dtype=dtype)
    queries = rng.standard_normal((5, 8)).astype(np.float32)
    _, scores = exact_search.ExactSearch(table)(tf.constant(queries), 10)
    expected = np.sort(queries @ table.load().T, axis=1)[:, :-11:-1]
    np.testing.assert_allclose(scores, expected, rtol=1e-5)
