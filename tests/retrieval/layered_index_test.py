# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""One search over base and deltas gives k rows that are there, as a brute-force model says."""

import numpy as np
import pytest

from realm_tf import artifacts, config
from realm_tf.retrieval import (
    exact_search,
    index,
    layered_index,
    layered_vectors,
    tombstones,
    vectors,
)
from tests.retrieval import segments

DIM = 8


def layers(root, *sizes, seed=0) -> list[vectors.VectorTable]:
    rng = np.random.default_rng(seed)
    return [
        vectors.VectorTable.open(
            segments.write_vectors(
                root / str(i), np.array_split(rng.normal(size=(size, DIM)), min(2, size))
            )
        )
        for i, size in enumerate(sizes)
    ]


def layered(tables, gone) -> layered_vectors.LayeredVectors:
    marks = tombstones.Tombstones(np.array(gone, np.int64))
    return layered_vectors.LayeredVectors(tables, marks, blocks="b", fingerprint="f")


def truth(tables, gone, queries, k, allowed=None):
    """Live rows and scores, by sorting all of them."""
    values = np.delete(np.concatenate([table.load() for table in tables]), gone, axis=0)
    scores = queries @ values.T
    if allowed is not None:
        scores = np.where(allowed, scores, -np.inf)
    order = np.lexsort((np.broadcast_to(np.arange(len(values)), scores.shape), -scores))[:, :k]
    return order, np.take_along_axis(scores, order, axis=1)


@pytest.mark.parametrize(
    ("sizes", "num_gone"), [((60,), 20), ((60, 1, 9), 0), ((60, 9, 1), 40), ((5, 300), 4)]
)
def test_search_equals_the_truth(tmp_path, sizes, num_gone):
    tables = layers(tmp_path, *sizes)
    rng = np.random.default_rng(1)
    gone = np.sort(rng.choice(sum(sizes), num_gone, replace=False))
    values = layered(tables, gone)
    searched = layered_index.LayeredIndex(index.exact(tables[0]), values)
    queries = segments.normal(70, DIM, seed=2)
    assert searched.num_blocks == sum(sizes) - num_gone
    for k in (1, 7, 1000):
        rows, scores = truth(tables, gone, queries, min(k, searched.num_blocks))
        found = searched.search(queries, k)
        np.testing.assert_array_equal(found.rows, rows)
        np.testing.assert_allclose(found.scores, scores, rtol=1e-5, atol=1e-5)
    assert searched.search(queries[:0], 3).rows.shape == (0, 3)


def test_the_best_of_the_base_may_all_be_deleted(tmp_path):
    tables = layers(tmp_path, 90, 3)
    query = segments.normal(1, DIM, seed=3)
    best = np.argsort(-(tables[0].load() @ query[0]))[:50]
    values = layered(tables, np.sort(best))
    found = layered_index.LayeredIndex(index.exact(tables[0]), values).search(query, 5)
    rows, _ = truth(tables, np.sort(best), query, 5)
    np.testing.assert_array_equal(found.rows, rows)


def test_scann_that_finds_too_few_is_helped_out(tmp_path):
    tables = layers(tmp_path, 400, 5)
    retrieval = config.RetrievalConfig(index="scann", recall_floor=0.0, num_leaves=4)
    built = index.build(str(tmp_path), tables[0].segment, retrieval, k=10)
    base = index.Index.open(built, tables[0])
    query = segments.normal(2, DIM, seed=4)
    gone = np.sort(np.argsort(-(tables[0].load() @ query[0]))[:390])
    found = layered_index.LayeredIndex(base, layered(tables, gone)).search(query, 12)
    rows, _ = truth(tables, gone, query, 12)
    np.testing.assert_array_equal(found.rows, rows)


def test_rows_are_counted_with_and_without_what_is_gone(tmp_path):
    gone = tombstones.Tombstones(np.array([7, 0, 3, 4]))
    stored = np.array([1, 2, 5, 6, 8, 9])
    np.testing.assert_array_equal(gone.to_live(stored), np.arange(6))
    np.testing.assert_array_equal(gone.to_stored(np.arange(6)), stored)
    assert gone.contain(np.arange(10)).tolist() == [n in (0, 3, 4, 7) for n in range(10)]
    written = gone.write(str(tmp_path), blocks="b")
    assert gone.write(str(tmp_path), blocks="b") == written
    np.testing.assert_array_equal(tombstones.Tombstones.open(written).rows, [0, 3, 4, 7])
    assert len(tombstones.Tombstones.open(None)) == 0
    assert (
        written.fingerprint != (gone | np.array([5])).write(str(tmp_path), blocks="b").fingerprint
    )


def test_vectors_are_looked_up_by_live_rows(tmp_path):
    tables = layers(tmp_path, 6, 4)
    values = layered(tables, [0, 5, 7])
    expected = np.delete(np.concatenate([t.load() for t in tables]), [0, 5, 7], axis=0)
    np.testing.assert_array_equal(values.load(), expected)
    pieces = [values.read(*rows) for rows in values.chunks(3)]
    assert [len(piece) for piece in pieces] == [3, 3, 1]
    np.testing.assert_array_equal(np.concatenate(pieces), expected)
    np.testing.assert_array_equal(
        values.gather(np.array([[6, -1]]))[0], [expected[6], np.zeros(DIM)]
    )
    ids = np.concatenate([t.block_ids for t in tables])
    np.testing.assert_array_equal(values.block_ids, np.delete(ids, [0, 5, 7]))
    with pytest.raises(IndexError, match=r"\[-1, 7\)"):
        values.gather(np.array([7]))
    assert artifacts.open_segment(tables[0].path).fingerprint == tables[0].fingerprint


def test_equal_scores_are_ordered_by_row_through_pieces():
    ones = np.ones((40, 2), np.float32)
    pieces = [(np.arange(s, s + 10), ones[:10]) for s in (30, 0, 20, 10)]
    found = exact_search.search(np.ones((3, 2), np.float32), pieces, 12)
    np.testing.assert_array_equal(found.rows, np.tile(np.arange(12), (3, 1)))
    few = exact_search.search(np.ones((1, 2), np.float32), pieces[:1], 12)
    assert few.rows[0].tolist() == [*range(30, 40), -1, -1]


@pytest.mark.parametrize("share", [1.0, 0.6, 0.05, 0.0])
@pytest.mark.parametrize("backend", ["exact", "scann"])
def test_search_among_allowed_rows(tmp_path, share, backend):
    tables = layers(tmp_path, 400, 30, 3)
    rng = np.random.default_rng(1)
    gone = np.sort(rng.choice(433, 50, replace=False))
    values = layered(tables, gone)
    retrieval = config.RetrievalConfig(index=backend, recall_floor=1.0, num_leaves=4)
    built = index.build(str(tmp_path), tables[0].segment, retrieval, k=200, gates=(8, 30))
    base = index.Index.open(built, tables[0])
    searched = layered_index.LayeredIndex(base, values)
    allowed = rng.random(len(values)) < share
    queries = segments.normal(70, DIM, seed=2)
    for k in (1, 9, 1000):
        rows, scores = truth(tables, gone, queries, min(k, len(values)), allowed)
        found = searched.search(queries, k, allowed)
        np.testing.assert_array_equal(found.rows, np.where(np.isfinite(scores), rows, -1))
        np.testing.assert_allclose(found.scores, scores, rtol=1e-5, atol=1e-5)
