# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Searches of all shards of a snapshot, merged, are one search over all of it."""

import concurrent.futures
import itertools
import multiprocessing

import numpy as np
import pytest

from realm_tf import artifacts, config, types
from realm_tf.data.blocks import shards as files_lib
from realm_tf.retrieval import exact_search, filters, index, shards, snapshots, vectors, view
from tests.retrieval import segments
from tests.serving import tiny_snapshot

DIM = 8
NUM_FILES = 5
TEXTS = [("Lake", f"The lake is {number} miles long.") for number in range(420)]
ADDED = (30, 1)
GONE = [0, 7, *range(90, 130), 388, 389, 400, 419]
FILTER = "year>=2004; lang=en"


def _make(root, numbers, **changes):
    return tiny_snapshot.make(str(root), TEXTS, numbers, num_files=NUM_FILES, **changes)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    numbers = segments.normal(len(TEXTS), DIM, seed=1)
    root = tmp_path_factory.mktemp("snapshot")
    return _make(root, numbers, sizes_added=ADDED, gone=GONE)


def _views(snapshot, count):
    return [shards.ShardView(snapshot, shards.Shard(n, count)) for n in range(count)]


def _search(opened, searched, queries, k, conditions=()):
    """What one shard finds, by rows of the snapshot."""
    allowed = filters.allowed(opened.table, conditions) if conditions else None
    return opened.to_snapshot(searched.search(queries, k, allowed))


def _require_same(found, expected):
    np.testing.assert_array_equal(found.rows, expected.rows)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, NUM_FILES])
def test_every_row_is_in_one_shard(snapshot, count):
    whole = view.View(snapshot)
    parts = _views(snapshot, count)
    sizes = [len(part.table) for part in parts]
    assert min(sizes) > 0
    assert [part.first_row for part in parts] == np.cumsum([0, *sizes[:-1]]).tolist()
    ids = np.concatenate([part.table.block_ids for part in parts])
    np.testing.assert_array_equal(ids, whole.table.block_ids)
    for part in parts:
        np.testing.assert_array_equal(part.vectors.block_ids, part.table.block_ids)
        expected = whole.vectors.read(part.first_row, part.first_row + len(part.vectors))
        np.testing.assert_array_equal(part.vectors.load(), expected)


def test_a_shard_reads_no_file_of_another(snapshot, monkeypatch):
    read = []
    for module, name in ((artifacts, "map_array"), (files_lib, "read")):
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda path, real=real: read.append(path) or real(path))
    first, last = _views(snapshot, 2)
    numbers = {}
    for part, others in ((first, {"2", "3", "4"}), (last, {"0", "1"})):
        read.clear()
        _search(part, part.index, segments.normal(2, DIM), 5)
        of_base = [path for path in read if f"-of-{NUM_FILES:05d}" in path]
        numbers[part] = {path.rpartition("-of-")[0][-1] for path in of_base}
        assert numbers[part]
        assert not numbers[part] & others
    assert numbers[first] | numbers[last] == set("01234")


def _indexed(parts, queries, root, backend):
    """What searches each shard, with an index of its own."""
    retrieval = config.RetrievalConfig(index=backend, recall_floor=0.95, num_leaves=4)
    searched = []
    for part in parts:
        base = part.vectors.layers[0].segment
        built = index.build(str(root), base, retrieval, k=50, gates=(8,), queries=queries)
        assert built.settings["backend"] == backend
        searched.append(part.index_of(built))
    return searched


@pytest.mark.parametrize(
    ("backend", "count"), [("exact", 2), ("exact", 3), ("ivf", 3), ("scann", 2)]
)
def test_merged_searches_are_one_search(snapshot, tmp_path, backend, count):
    queries = segments.normal(70, DIM, seed=2)
    whole = view.View(snapshot)
    parts = _views(snapshot, count)
    searched = _indexed(parts, queries, tmp_path, backend)
    for conditions, k in itertools.product(((), filters.parse(FILTER)), (1, 9, 1000)):
        expected = _search_whole(whole, queries, k, conditions)
        pairs = zip(parts, searched, strict=True)
        found = [_search(part, one, queries, k, conditions) for part, one in pairs]
        found = exact_search.merge(found, min(k, len(whole.table)))
        if backend == "exact":
            _require_same(found, expected)
            continue
        np.testing.assert_array_equal(found.rows >= 0, expected.rows >= 0)  # k, if there are k
        products = np.einsum("qd,qkd->qk", queries, whole.vectors.gather(found.rows))
        products = np.where(found.rows < 0, -np.inf, products)
        np.testing.assert_allclose(found.scores, products, rtol=1e-5, atol=1e-5)
        same = [np.isin(*rows).mean() for rows in zip(found.rows, expected.rows, strict=True)]
        assert np.mean(same) > 0.9


def _search_whole(whole, queries, k, conditions):
    allowed = filters.allowed(whole.table, conditions) if conditions else None
    return whole.index.search(queries, k, allowed)


def test_equal_scores_are_ordered_as_in_one_search(tmp_path):
    numbers = np.random.default_rng(0).integers(0, 2, (len(TEXTS), 3)).astype(np.float32)
    snapshot = _make(tmp_path, numbers, sizes_added=ADDED, gone=GONE)
    queries = np.array([[1, 1, 0], [0, 0, 0], [1, -1, 2]], np.float32)
    expected = view.View(snapshot).index.search(queries, 60)
    parts = _views(snapshot, 3)
    found = [_search(part, part.index, queries, 60) for part in parts]
    _require_same(exact_search.merge(found, 60), expected)
    assert len(np.unique(expected.scores)) < 6


def _search_in_a_process(directory, number, queries, k, text):
    """Opens one shard, in a process that opens nothing else, and searches it."""
    snapshot = snapshots.load(directory, 500, 1)
    opened = shards.ShardView(snapshot, shards.Shard(number, 2))
    return _search(opened, opened.index, queries, k, filters.parse(text) if text else ())


@pytest.mark.slow
def test_two_processes_each_with_its_shard(snapshot):
    queries = segments.normal(20, DIM, seed=3)
    whole = view.View(snapshot)
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        for k, text in ((10, ""), (300, FILTER)):
            given = [(snapshot.directory, n, queries, k, text) for n in range(2)]
            found = [f.result() for f in [pool.submit(_search_in_a_process, *g) for g in given]]
            expected = _search_whole(whole, queries, k, filters.parse(text) if text else ())
            _require_same(exact_search.merge(found, k), expected)


def test_an_index_of_another_shard_is_refused(snapshot, tmp_path):
    first, last = _views(snapshot, 2)
    retrieval = config.RetrievalConfig(index="ivf", num_leaves=4)
    built = index.build(str(tmp_path), first.vectors.layers[0].segment, retrieval, k=9)
    first.index_of(built)
    with pytest.raises(types.UserError, match="do not belong together: their vectors differs"):
        last.index_of(built)
    whole = snapshot.segment("vectors")
    with pytest.raises(types.UserError, match="do not belong together: their vectors differs"):
        index.Index.open(built, vectors.VectorTable.open(whole))
    # By this the proof of a deletion knows an index that may hold what was deleted.
    assert built.made_from[artifacts.PART_OF] == whole.fingerprint


def test_an_index_of_all_blocks_cannot_be_divided(snapshot, tmp_path):
    retrieval = config.RetrievalConfig(index="ivf", num_leaves=4)
    built = index.build(str(tmp_path), snapshot.segment("vectors"), retrieval, k=9)
    changed = snapshot.changed(revision=2, settings={}, index=snapshots.Part.of(built))
    with pytest.raises(types.UserError, match="one index of all blocks, which cannot be divided"):
        _ = _views(changed, 2)[0].index


def test_what_cannot_be_divided_so(snapshot, tmp_path):
    with pytest.raises(types.UserError, match=f"has {NUM_FILES} files, which cannot be divided"):
        _views(snapshot, NUM_FILES + 1)
    for number, count in ((2, 2), (-1, 2), (0, 0)):
        with pytest.raises(types.UserError, match="the numbers are from 0 to"):
            shards.Shard(number, count)
    numbers = segments.normal(len(TEXTS), DIM)
    empty = _make(tmp_path, numbers, gone=range(250))
    with pytest.raises(types.UserError, match=r"shard 0 of 2 of the snapshot .* has no blocks"):
        _ = _views(empty, 2)[0].vectors


def test_fingerprints_tell_shards_and_documents(snapshot, tmp_path):
    made = shards.fingerprints(snapshot, 2)
    assert made == [part.fingerprint for part in _views(snapshot, 2)]
    numbers = segments.normal(len(TEXTS), DIM, seed=1)
    other = _make(tmp_path, numbers, sizes_added=ADDED, gone=GONE[1:])
    everything = [*made, *shards.fingerprints(snapshot, 3), *shards.fingerprints(other, 2)]
    assert len(set(everything)) == 7
