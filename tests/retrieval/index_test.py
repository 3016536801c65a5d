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
from realm_tf.retrieval import index as index_lib
from realm_tf.retrieval import recall, scann_layer, vectors
from tests.retrieval import segments

EVERYTHING = scann_layer.ScannSettings(5, 5, 400)  # searches all leaves: must be exact


def search(values, queries, k):
    """The oracle: best first, equal scores by row."""
    scores = queries @ values.T
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return types.RetrievedBlocks(order, np.take_along_axis(scores, order, axis=1))


def open_table(root, values, num_shards=3):
    shards = np.array_split(values, num_shards)
    return vectors.VectorTable.open(segments.write_vectors(root, shards))


def streamed(table):
    return index_lib.exact(table, max_rows_in_memory=0)


def scann(table):
    return index_lib.scann(table, EVERYTHING)


def saved(index_name):
    def reopened(table):
        root = os.path.dirname(table.segment.path)
        segment = index_lib.build(root, table.segment, config.RetrievalConfig(index=index_name))
        return index_lib.Index.open(segment.path, table)

    return reopened


BACKENDS = {
    "exact": index_lib.exact,
    "streamed": streamed,
    "scann": scann,
    "saved_exact": saved("exact"),
    "saved_scann": saved("scann"),
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


def test_whatever_a_layer_returns_is_ordered_and_padded():
    found = (tf.constant([[1.0, 2.0, np.nan, 2.0]]), tf.constant([[5, 9, 0, 3]]))
    index = index_lib.Index(search_fn=lambda queries, k: found, num_blocks=20, dim=1, max_k=9)
    rows, scores = index.search(np.ones((1, 1)), 6)
    np.testing.assert_array_equal(rows, [[3, 9, 5, -1, -1, -1]])
    np.testing.assert_array_equal(scores, [[2, 2, 1, -np.inf, -np.inf, -np.inf]])


def test_a_stream_of_many_pieces_agrees(tmp_path, monkeypatch):
    monkeypatch.setattr(index_lib, "_STREAMING_ROWS", 7)
    values, queries = segments.normal(40, 4), segments.normal(3, 4, seed=1)
    values[[30, 5]] = values[13]
    found = streamed(open_table(tmp_path, values)).search(queries, 12)
    np.testing.assert_array_equal(found.rows, search(values, queries, 12).rows)


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


def test_batch_sizes_and_depths_share_one_trace(tmp_path):
    index = index_lib.exact(open_table(tmp_path, segments.normal(50, 4)))
    for batch, k in ((1, 1), (2, 3), (5, 7)):
        index.search(segments.normal(batch, 4), k)
    assert index.search_fn.experimental_get_tracing_count() == 1


def test_scann_refuses_a_search_deeper_than_it_reorders(tmp_path):
    settings = scann_layer.ScannSettings(2, 2, 20)
    index = index_lib.scann(open_table(tmp_path, segments.normal(100, 8)), settings)
    assert index.search(segments.normal(1, 8), 10).rows.min() >= 0
    with pytest.raises(types.UserError, match="k=11"):
        index.search(segments.normal(1, 8), 11)


def test_what_scann_does_not_find_is_padding(tmp_path):
    settings = scann_layer.ScannSettings(50, 1, 400)
    index = index_lib.scann(open_table(tmp_path, segments.normal(200, 8)), settings)
    found = index.search(segments.normal(4, 8, seed=1), 60)
    missing = found.rows == -1
    assert missing.any()
    assert np.isneginf(found.scores[missing]).all()
    assert np.isfinite(found.scores[~missing]).all()
    assert all(len(set(row[row >= 0])) == (row >= 0).sum() for row in found.rows)
    assert (missing[:, :-1] <= missing[:, 1:]).all()  # last


def test_index_of_other_vectors_is_refused(tmp_path):
    table = open_table(tmp_path / "a", segments.normal(30, 4))
    other = open_table(tmp_path / "b", segments.normal(30, 4, seed=1))
    segment = index_lib.build(str(tmp_path), table.segment, config.RetrievalConfig())
    with pytest.raises(types.UserError, match="their vectors differs"):
        index_lib.Index.open(segment, other)


def test_build_returns_what_is_there(tmp_path):
    table = open_table(tmp_path, segments.normal(300, 8))
    cfg = config.RetrievalConfig(index="scann")
    segment = index_lib.build(str(tmp_path), table.segment, cfg)
    before = os.stat(segment.file(artifacts.MANIFEST)).st_mtime_ns
    assert index_lib.build(str(tmp_path), table.segment.path, cfg) == segment
    assert os.stat(segment.file(artifacts.MANIFEST)).st_mtime_ns == before
    assert segment.settings["backend"] == "scann"
    assert min(segment.settings["recall"].values()) >= 0.9
    assert segment.counts == {"blocks": 300, "fallback": 0}


def test_scann_under_the_floor_is_searched_wider(tmp_path):
    table = open_table(tmp_path, segments.normal(2000, 16))
    cfg = config.RetrievalConfig(index="scann", num_leaves=64, num_leaves_to_search=8)
    segment = index_lib.build(
        str(tmp_path), table.segment, cfg, k=10, queries=segments.normal(64, 16, seed=1)
    )
    assert segment.settings["backend"] == "scann"
    assert segment.settings["num_leaves_to_search"] > 8
    assert min(segment.settings["recall"].values()) >= cfg.recall_floor


def test_scann_that_stays_under_the_floor_gives_way_to_exact(tmp_path, caplog):
    table = open_table(tmp_path, segments.normal(2000, 16))
    cfg = config.RetrievalConfig(index="scann", num_leaves=500, recall_floor=1.0)
    with caplog.at_level(logging.WARNING):
        segment = index_lib.build(
            str(tmp_path), table.segment, cfg, queries=segments.normal(64, 16, seed=1)
        )
    assert "under retrieval.recall_floor=1: building an exact index" in caplog.text
    assert segment.settings["backend"] == "exact"
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
    assert recall.index_recall(index, table, segments.normal(32, 8, seed=1), 10) >= 0.9
