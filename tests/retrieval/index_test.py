# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Both indexes against one NumPy oracle."""

import concurrent.futures
import logging
import os

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import artifacts, config, types
from realm_tf.retrieval import exact_layer, exact_search, gate, recall, vectors, widths
from realm_tf.retrieval import index as index_lib
from tests.retrieval import segments


def search(values, queries, k):
    """The oracle: best first, equal scores by row."""
    scores = queries @ values.T
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return types.RetrievedBlocks(order, np.take_along_axis(scores, order, axis=1))


def open_table(root, values, num_shards=3):
    shards = np.array_split(values, num_shards)
    return vectors.VectorTable.open(segments.write_vectors(root, shards))


def saved(index_name):
    def reopened(table):
        root = os.path.dirname(table.segment.path)
        cfg = config.RetrievalConfig(  # searches everything: must be exact
            index=index_name,
            num_leaves=5,
            num_leaves_to_search=5,
            num_reordering_candidates=400,
        )
        gates = (1, 3, 4, 5, 10)
        segment = index_lib.build(root, table.segment, cfg, k=20, gates=gates)
        assert segment.settings["backend"] == index_name
        return index_lib.Index.open(segment.path, table)

    return reopened


BACKENDS = {
    "exact": index_lib.exact,
    "saved_exact": saved("exact"),
    "scann": saved("scann"),
    "ivf": saved("ivf"),
}


@pytest.fixture(params=BACKENDS)
def make(request):
    return BACKENDS[request.param]


@pytest.mark.parametrize(("batch", "k"), [(1, 1), (7, 10), (130, 3), (0, 4)])
def test_search_agrees_with_the_oracle(tmp_path, make, batch, k):
    values, queries = segments.normal(300, 16), segments.normal(batch, 16, seed=1)
    found = make(open_table(tmp_path, values)).search(queries, k)
    expected = search(values, queries, k)
    np.testing.assert_array_equal(found.rows, expected.rows)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-5, atol=1e-5)
    assert (found.rows.dtype, found.scores.dtype) == (np.int64, np.float32)


def test_equal_scores_are_ordered_by_row(tmp_path, make):
    values = segments.normal(200, 8)
    values[[150, 60, 7]] = values[33]
    found = make(open_table(tmp_path, values)).search(3 * values[33:34], 4)
    np.testing.assert_array_equal(found.rows, [[7, 33, 60, 150]])


def test_whatever_a_layer_returns_is_ordered_and_padded(tmp_path):
    found = (tf.constant([[1.0, 2.0, np.nan, 2.0]]), tf.constant([[5, 9, 0, 3]]))
    table = open_table(tmp_path, segments.normal(20, 1))
    index = index_lib.Index(lambda queries, k: found, table, is_exact=False)
    rows, scores = index.search(np.ones((1, 1)), 6)
    np.testing.assert_array_equal(rows, [[3, 9, 5, -1, -1, -1]])
    np.testing.assert_array_equal(scores, [[2, 2, 1, -np.inf, -np.inf, -np.inf]])


@pytest.mark.parametrize("k", [1, 12, 40])
def test_many_pieces_agree(tmp_path, monkeypatch, k):
    monkeypatch.setattr(exact_layer, "_PIECE_ROWS", 7)
    values, queries = segments.normal(40, 4), segments.normal(3, 4, seed=1)
    values[[30, 5]] = values[13]
    found = index_lib.exact(open_table(tmp_path, values)).search(queries, k)
    np.testing.assert_array_equal(found.rows, search(values, queries, k).rows)


def test_k_is_clamped_to_the_number_of_blocks(tmp_path, make):
    values, queries = segments.normal(20, 4), segments.normal(2, 4, seed=1)
    found = make(open_table(tmp_path, values)).search(queries, 50)
    np.testing.assert_array_equal(found.rows, search(values, queries, 20).rows)


def test_queries_of_another_size_are_refused(tmp_path, make):
    with pytest.raises(types.UserError, match=r"\[batch_size, 8\]\. Received: \[2, 4\]"):
        make(open_table(tmp_path, segments.normal(40, 8))).search(segments.normal(2, 4), 1)


def test_diverged_queries_are_refused(tmp_path, make):
    with pytest.raises(types.UserError, match="diverged"):
        make(open_table(tmp_path, segments.normal(40, 8))).search(np.full((1, 8), np.nan), 1)


def test_threads_find_the_same(tmp_path, make):
    index = make(open_table(tmp_path, segments.normal(300, 16)))
    queries = segments.normal(32, 16, seed=1)
    expected = index.search(queries, 5)
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        for found in threads.map(lambda _: index.search(queries, 5), range(12)):
            np.testing.assert_array_equal(found.rows, expected.rows)


def test_mixed_precision_does_not_touch_the_search(tmp_path, make):
    values, queries = segments.normal(300, 16), segments.normal(20, 16, seed=1)
    table = open_table(tmp_path, values)
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        found = make(table).search(queries, 10)
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    np.testing.assert_array_equal(found.rows, search(values, queries, 10).rows)


@pytest.mark.parametrize("name", ["scann", "ivf"])
def test_what_is_not_found_is_padding(tmp_path, name):
    table = open_table(tmp_path, segments.normal(200, 8))
    cfg = config.RetrievalConfig(index=name, num_leaves=50, recall_floor=0.01)
    segment = index_lib.build(str(tmp_path), table.segment, cfg, k=50)
    found = index_lib.Index.open(segment, table).search(segments.normal(4, 8, seed=1), 50)
    missing = found.rows == -1
    assert missing.any()
    assert np.isneginf(found.scores[missing]).all()
    assert np.isfinite(found.scores[~missing]).all()
    assert all(len(set(row[row >= 0])) == (row >= 0).sum() for row in found.rows)
    assert (missing[:, :-1] <= missing[:, 1:]).all()  # last


@pytest.mark.parametrize("name", ["scann", "ivf"])
@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_narrow_vectors_are_searched_as_they_are_stored(tmp_path, name, dtype):
    values, queries = segments.normal(400, 16), segments.normal(64, 16, seed=1)
    stored = segments.write_vectors(tmp_path, np.array_split(values, 3), dtype=dtype)
    table = vectors.VectorTable.open(stored)
    cfg = config.RetrievalConfig(index=name, recall_floor=0.9)
    segment = index_lib.build(str(tmp_path), stored, cfg, k=10, queries=queries)
    assert segment.settings["backend"] == name
    index = index_lib.Index.open(segment, table)
    assert segments.index_recall(index, table, queries, 10) >= 0.9
    exact = index_lib.exact(table).search(queries, 10)
    np.testing.assert_array_equal(exact.rows, search(table.load(), queries, 10).rows)
    resident = sum(shard.num_bytes for shard in segment.shards)
    assert resident < 400 * (16 * np.dtype(dtype).itemsize + 16) + 9_000


def test_index_of_other_vectors_is_refused(tmp_path):
    table = open_table(tmp_path / "a", segments.normal(30, 4))
    other = open_table(tmp_path / "b", segments.normal(30, 4, seed=1))
    segment = index_lib.build(str(tmp_path), table.segment, config.RetrievalConfig())
    with pytest.raises(types.UserError, match="their vectors differs"):
        index_lib.Index.open(segment, other)


def clustered(count, seed):
    rng = np.random.default_rng(seed)
    centres = segments.normal(100, 16)
    noise = 0.5 * rng.normal(size=(count, 16))
    return (centres[rng.integers(0, 100, count)] + noise).astype(np.float32)


@pytest.mark.parametrize("name", ["scann", "ivf"])
def test_each_depth_is_as_wide_as_its_recall_needs(tmp_path, name):
    table, queries = open_table(tmp_path, clustered(4000, 1)), clustered(300, 2)
    cfg = config.RetrievalConfig(index=name)
    segment = index_lib.build(
        str(tmp_path), table.segment, cfg, k=200, gates=(5, 100), queries=queries
    )
    assert segment.settings["backend"] == name
    assert segment.counts == {"blocks": 4000, "fallback": 0}
    found_widths, measured = segment.settings["widths"], segment.settings["recall"]
    assert list(found_widths) == list(measured) == ["5", "100", "200"]
    assert found_widths["5"] != found_widths["200"]
    index = index_lib.Index.open(segment, table)
    for k, floor in ((5, 0.99), (100, 0.95), (200, 0.9)):
        found = segments.index_recall(index, table, queries, k)
        assert found == pytest.approx(measured[str(k)], abs=1e-6)
        assert found >= floor
    before = os.stat(segment.file(artifacts.MANIFEST)).st_mtime_ns
    again = index_lib.build(
        str(tmp_path), table.segment.path, cfg, k=200, gates=(5, 100), queries=queries
    )
    assert again == segment
    assert os.stat(segment.file(artifacts.MANIFEST)).st_mtime_ns == before


def test_a_depth_that_stays_under_the_floor_is_searched_exactly(tmp_path, caplog):
    values, queries = clustered(4000, 1), clustered(100, 2)
    table = open_table(tmp_path, values)
    cfg = config.RetrievalConfig(index="scann")
    with caplog.at_level(logging.WARNING):
        segment = index_lib.build(
            str(tmp_path), table.segment, cfg, k=3900, gates=(5,), queries=queries
        )
    assert "brings recall@3900 to 0.9" in caplog.text
    assert segment.settings["backend"] == "scann"
    assert segment.settings["widths"]["5"] is not None
    assert segment.settings["widths"]["3900"] is None
    found = index_lib.Index.open(segment, table).search(queries, 3000)
    assert recall.GroundTruth.of(table, queries, 3000).recall(found.rows) == 1.0


@pytest.mark.parametrize("name", ["scann", "ivf"])
def test_an_index_that_is_nowhere_good_enough_gives_way_to_exact(tmp_path, caplog, name):
    table = open_table(tmp_path, segments.normal(2000, 16))
    cfg = config.RetrievalConfig(index=name, num_leaves=500, recall_floor=1.0)
    with caplog.at_level(logging.WARNING):
        segment = index_lib.build(
            str(tmp_path), table.segment, cfg, k=400, queries=segments.normal(64, 16, seed=1)
        )
    assert "at every depth: building an exact index" in caplog.text
    assert segment.settings["backend"] == "exact"
    assert segment.counts["fallback"] == 1
    assert os.listdir(segment.path) == [artifacts.MANIFEST]


def test_deep_searches_of_scann_may_go_through_all_leaves():
    cfg = config.RetrievalConfig(index="scann")
    leaves, reordered = gate.ladders(100, cfg, widths.Width(224, 50_000))
    assert (leaves[0], leaves[-1]) == (1, 224)
    assert (reordered[0], reordered[-1]) == (100, 2_000)
    assert gate.ladders(100, cfg, widths.Width(20, 1_000))[1][-1] == 250
    assert gate.ladders(300, cfg, widths.Width(20, 1_000)) == ([], [])
    assert gate.ladders(300, cfg, widths.Width(20, 0)) == ([1, 2, 3, 4, 6, 9, 10], [0])


def test_out_of_time_an_index_gives_way_to_exact(tmp_path, caplog):
    table = open_table(tmp_path, segments.normal(2000, 16))
    cfg = config.RetrievalConfig(index="ivf", tuning_seconds=1e-9)
    with caplog.at_level(logging.WARNING):
        segment = index_lib.build(str(tmp_path), table.segment, cfg)
    assert "in retrieval.tuning_seconds" in caplog.text
    assert segment.counts["fallback"] == 1


def test_too_few_blocks_for_scann_give_way_to_exact(tmp_path, caplog):
    table = open_table(tmp_path, segments.normal(9, 4))
    segment = index_lib.build(str(tmp_path), table.segment, config.RetrievalConfig(index="scann"))
    assert segment.counts["fallback"] == 1
    assert "needs at least 16 blocks" in caplog.text


def test_a_killed_build_is_made_anew(tmp_path):
    table = open_table(tmp_path, segments.normal(300, 8))
    cfg = config.RetrievalConfig(index="scann")
    first = index_lib.build(str(tmp_path), table.segment, cfg)
    os.remove(first.file(artifacts.MANIFEST))
    second = index_lib.build(str(tmp_path), table.segment, cfg)
    artifacts.open_segment(second.path, "index", verify=True)
    index = index_lib.Index.open(second, table)
    assert segments.index_recall(index, table, segments.normal(32, 8, seed=1), 10) >= 0.9


def test_no_block_at_all_cannot_be_searched_for(tmp_path):
    with pytest.raises(types.UserError, match=r"at least one block\. Received: k=0"):
        index_lib.exact(open_table(tmp_path, segments.normal(9, 4))).search(np.ones((1, 4)), 0)


def restricted(values, queries, k, allowed):
    """The oracle among allowed rows, padded to k columns."""
    rows = np.flatnonzero(allowed)
    found = search(values[rows], queries, k)
    missing = ((0, 0), (0, min(k, len(values)) - found.rows.shape[1]))
    return types.RetrievedBlocks(
        np.pad(rows[found.rows], missing, constant_values=-1),
        np.pad(found.scores, missing, constant_values=-np.inf),
    )


@pytest.mark.parametrize("share", [0.9, 0.3, 0.02, 0.0])
@pytest.mark.parametrize(("batch", "k"), [(70, 1), (5, 10), (3, 1000), (0, 4)])
def test_search_among_allowed_rows(tmp_path, make, share, batch, k):
    values, queries = segments.normal(300, 16), segments.normal(batch, 16, seed=1)
    allowed = np.random.default_rng(0).random(300) < share
    found = make(open_table(tmp_path, values)).search(queries, k, allowed)
    expected = restricted(values, queries, k, allowed)
    np.testing.assert_array_equal(found.rows, expected.rows)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-5, atol=1e-5)
    assert (found.rows.dtype, found.scores.dtype) == (np.int64, np.float32)


def test_what_is_near_to_a_query_may_not_be_allowed(tmp_path, make):
    values, queries = segments.normal(300, 16), segments.normal(2, 16, seed=1)
    allowed = np.ones(300, bool)
    allowed[np.argsort(-(values @ queries[0]))[:120]] = False
    found = make(open_table(tmp_path, values)).search(queries, 6, allowed)
    np.testing.assert_array_equal(found.rows, restricted(values, queries, 6, allowed).rows)


@pytest.mark.parametrize("name", ["scann", "ivf"])
def test_few_allowed_rows_are_searched_exactly_and_many_by_the_index(tmp_path, monkeypatch, name):
    values, queries = segments.normal(2000, 8), segments.normal(4, 8, seed=1)
    table = open_table(tmp_path, values)
    retrieval = config.RetrievalConfig(index=name, num_leaves=20, recall_floor=0.5)
    index = index_lib.Index.open(
        index_lib.build(str(tmp_path), table.segment, retrieval, k=200), table
    )
    exactly = []
    original = exact_search.search_rows
    monkeypatch.setattr(
        exact_search, "search_rows", lambda *a: exactly.append(len(a[0])) or original(*a)
    )
    few = np.arange(2000) % 200 == 0
    found = index.search(queries, 5, few)
    np.testing.assert_array_equal(found.rows, restricted(values, queries, 5, few).rows)
    assert exactly == [4]
    half = np.arange(2000) % 2 == 0
    found = index.search(queries, 5, half)
    assert (found.rows >= 0).all()
    assert half[found.rows].all()
    assert exactly == [4]
