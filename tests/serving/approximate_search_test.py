# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""ScaNN and `ivf` in a SavedModel, over base and deltas, against sorting all products."""

import dataclasses
import gc
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import artifacts, config, types
from realm_tf.retrieval import index, layered_vectors, tombstones, vectors
from serving import approximate_search, exact_search
from tests.retrieval import segments

DIM, NUM_BASE = 16, 2000
KINDS = ("ivf", "scann")
CENTRES = segments.normal(40, DIM, seed=1)


def _clustered(count, seed):
    """Vectors in clusters, as those of texts are."""
    rng = np.random.default_rng(seed)
    return (
        CENTRES[rng.integers(0, len(CENTRES), count)] + segments.normal(count, DIM, seed=seed) / 2
    )


QUERIES = _clustered(300, 2)


def _table(root, numbers, dtype="float32"):
    return vectors.VectorTable.open(segments.write_vectors(root, [numbers], dtype=dtype))


def _index(root, base, kind, floor=0.0) -> artifacts.Segment:
    retrieval = config.RetrievalConfig(
        index=kind, num_leaves=20, tuning_seconds=5, recall_floor=floor
    )
    return index.build(str(root), base.segment, retrieval, k=100, gates=(1, 10), queries=QUERIES)


def _save(search, path):
    """The search as a SavedModel with a function `find` (queries, k)."""
    module = tf.Module()
    module.part, module.release = search, search.release
    signature = [tf.TensorSpec([None, DIM]), tf.TensorSpec([], tf.int32)]
    module.find = tf.function(search.__call__, input_signature=signature, autograph=False)

    def find_among(queries, k, shares):
        restriction = exact_search.Restriction(shares, lambda s: _allowed(s, search.num_rows))
        return search(queries, k, restriction)

    signature.append(tf.TensorSpec([None], tf.string))
    module.find_among = tf.function(find_among, input_signature=signature, autograph=False)
    options = tf.saved_model.SaveOptions(namespace_whitelist=["Scann"])
    tf.saved_model.save(module, str(path), options=options)
    return tf.saved_model.load(str(path))


def _allowed(shares, num_rows):
    """Filters for a test: of all rows, every n-th may be found; none if n is 0."""
    every = tf.strings.to_number(shares, tf.int32)[:, tf.newaxis]
    return (every > 0) & (tf.range(num_rows) % tf.maximum(every, 1) == 0)


class Case(NamedTuple):
    """A loaded search, and the live vectors that it searches."""

    loaded: tf.Module
    live: np.ndarray
    record: dict


@pytest.fixture(scope="module", params=[(k, n) for k in KINDS for n in (1, 3)], ids=str)
def case(request, tmp_path_factory):
    """Of a base alone; or with two deltas, where rows of all three are deleted."""
    kind, num_layers = request.param
    root = tmp_path_factory.mktemp("search")
    parts = [_clustered(count, 3 + count) for count in (NUM_BASE, 50, 7)][:num_layers]
    tables = [_table(root / str(number), part) for number, part in enumerate(parts)]
    segment = _index(root, tables[0], kind)
    assert segment.settings["backend"] == kind
    if num_layers == 1:
        search = approximate_search.ApproximateSearch(segment, tables[0])
        return Case(_save(search, root / "saved"), parts[0], search.record())
    # All of the base that is best for a question, so that its first search finds nothing.
    nearest = np.argsort(-(QUERIES[0] @ parts[0].T))[:150]
    gone = np.unique([*nearest, 0, 1999, 2000, 2049, 2056])
    marks = tombstones.Tombstones(gone)
    stored = layered_vectors.LayeredVectors(tables, marks, blocks="b", fingerprint="f")
    search = approximate_search.ApproximateSearch(segment, stored)
    live = np.delete(np.concatenate(parts), gone, axis=0)
    return Case(_save(search, root / "saved"), live, search.record())


@pytest.mark.parametrize("k", [1, 10])
def test_nearly_all_of_the_best_are_found(case, k):
    rows, scores = (x.numpy() for x in case.loaded.find(tf.constant(QUERIES), k))
    products = QUERIES @ case.live.T
    expected = np.argsort(-products, axis=1)
    assert rows.shape == scores.shape == (len(QUERIES), k)
    np.testing.assert_allclose(scores, np.take_along_axis(products, rows, 1), rtol=1e-4, atol=1e-4)
    assert np.mean(rows[:, 0] == expected[:, 0]) >= 0.99
    shared = [len(set(a) & set(b)) for a, b in zip(rows, expected[:, :k], strict=True)]
    assert np.mean(shared) >= 0.98 * k


def test_the_deepest_search_is_exact(case):
    count = len(case.live)
    rows, scores = (x.numpy() for x in case.loaded.find(tf.constant(QUERIES[:9]), count))
    products = QUERIES[:9] @ case.live.T
    np.testing.assert_allclose(scores, -np.sort(-products, axis=1), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(np.sort(rows, axis=1), np.tile(np.arange(count), (9, 1)))


def test_a_question_whose_best_blocks_are_deleted_is_searched_deeper(case):
    products = case.live @ QUERIES[0]
    for k in (1, 30):
        rows, scores = case.loaded.find(tf.constant(QUERIES[:1]), k)
        np.testing.assert_allclose(scores[0], -np.sort(-products)[:k], rtol=1e-4, atol=1e-4)
        assert (rows.numpy() >= 0).all()


@pytest.mark.parametrize("k", [1, 10, 60])
def test_filtered_questions_have_as_many_blocks_as_there_are(case, k):
    every = np.random.default_rng(k).choice([0, 1, 2, 9, 40, 700], len(QUERIES))
    rows, scores = (
        x.numpy() for x in case.loaded.find_among(tf.constant(QUERIES), k, every.astype(str))
    )
    number = np.arange(len(case.live))
    allowed = (every[:, np.newaxis] > 0) & (number % np.maximum(every, 1)[:, np.newaxis] == 0)
    products = np.where(allowed, QUERIES @ case.live.T, -np.inf)
    expected = np.argsort(-products, axis=1)[:, :k]
    best = np.take_along_axis(products, expected, 1)
    there = np.minimum(allowed.sum(axis=1), k)
    np.testing.assert_array_equal((rows >= 0).sum(axis=1), there)
    assert all(np.all(mask[found[found >= 0]]) for mask, found in zip(allowed, rows, strict=True))
    shared = [len(set(a) & set(b[:n])) for a, b, n in zip(rows, expected, there, strict=True)]
    assert np.sum(shared) >= 0.98 * there.sum()
    few = every >= 40  # so few that they are scored exactly
    np.testing.assert_allclose(scores[few], best[few], rtol=1e-4, atol=1e-4)


def test_no_question(case):
    rows, scores = case.loaded.find(tf.zeros([0, DIM]), 2)
    assert rows.shape == scores.shape == [0, 2]


def test_the_record_tells_the_recall_at_every_depth(case):
    assert set(case.record["recall"]) == {"1", "10", "100"}
    assert case.record["recall"]["10"] >= 0.99


@pytest.mark.parametrize("kind", KINDS)
def test_equal_scores_are_ordered_by_row(tmp_path, kind):
    numbers = np.repeat(_clustered(100, 5), 5, axis=0)
    table = _table(tmp_path, numbers)
    search = approximate_search.ApproximateSearch(_index(tmp_path, table, kind), table)
    rows, scores = (found.numpy() for found in search(tf.constant(QUERIES[:20]), 5))
    assert (np.diff(np.sort(rows, axis=1), axis=1) == 1).all()
    # ScaNN's scores of equal vectors may differ by a rounding: [2, 3, 0, 1, 4] is an order, too,
    # where the first two have the higher score.
    assert ((np.diff(rows, axis=1) > 0) | (np.diff(scores, axis=1) < 0)).all()
    np.testing.assert_allclose(scores, scores[:, :1].repeat(5, axis=1), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "int8"])
@pytest.mark.parametrize("kind", KINDS)
def test_vectors_are_searched_as_they_are_stored(tmp_path, kind, dtype):
    table = _table(tmp_path, _clustered(NUM_BASE, 6), dtype)
    segment = _index(tmp_path, table, kind, floor=0.95)  # ScaNN rounds int8 a second time
    loaded = _save(approximate_search.ApproximateSearch(segment, table), tmp_path / "saved")
    rows, _ = loaded.find(tf.constant(QUERIES), 1)
    products = QUERIES @ table.load().T
    assert np.mean(rows.numpy()[:, 0] == products.argmax(axis=1)) >= 0.95
    rows, scores = loaded.find_among(tf.constant(QUERIES), 3, ["900"] * len(QUERIES))
    expected = np.argsort(-products[:, ::900], axis=1)
    assert np.mean(rows.numpy() == 900 * expected) >= 0.95
    few = np.take_along_axis(products[:, ::900], expected, 1)
    np.testing.assert_allclose(scores, few, atol=0.02 * np.abs(few).max())


def test_scann_is_refused_where_int8_would_have_to_be_searched_exactly(tmp_path):
    table = _table(tmp_path, _clustered(NUM_BASE, 6), "int8")
    segment = _index(tmp_path, table, "scann", floor=0.9)
    short = {**segment.settings["widths"], "10": None}
    segment = dataclasses.replace(segment, settings={**segment.settings, "widths": short})
    with pytest.raises(types.UserError, match="under the recall floor at depth 10, and ScaNN"):
        approximate_search.ApproximateSearch(segment, table)


def test_two_models_in_one_process_are_two_searchers_and_one_can_be_freed(tmp_path):
    """As when a server loads a new version beside the old one."""
    parts = [_clustered(500, seed) for seed in (7, 8)]
    loaded = []
    for number, part in enumerate(parts):
        root = tmp_path / str(number)
        table = _table(root, part)
        search = approximate_search.ApproximateSearch(_index(root, table, "scann"), table)
        loaded.append(_save(search, root / "saved"))
    best = [(QUERIES @ part.T).argmax(axis=1) for part in parts]
    for one, expected in zip(loaded, best, strict=True):
        rows, _ = one.find(tf.constant(QUERIES), 1)
        assert np.mean(rows.numpy()[:, 0] == expected) >= 0.99
    handle = loaded[0].part._held.recreate_handle()
    loaded[0].release()
    with pytest.raises(tf.errors.NotFoundError):
        tf.raw_ops.DestroyResourceOp(resource=handle, ignore_lookup_error=False)
    del loaded[0]
    gc.collect()
    rows, _ = loaded[0].find(tf.constant(QUERIES), 1)
    assert np.mean(rows.numpy()[:, 0] == best[1]) >= 0.99


def test_an_index_of_other_vectors_is_refused(tmp_path):
    tables = [_table(tmp_path / str(seed), _clustered(100, seed)) for seed in (9, 10)]
    segment = _index(tmp_path, tables[0], "ivf")
    with pytest.raises(types.UserError, match="do not belong together: their vectors differs"):
        approximate_search.ApproximateSearch(segment, tables[1])
