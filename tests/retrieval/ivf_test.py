# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The inverted-file layer: exact over the leaves it searches, and a SavedModel of core ops."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.retrieval import ivf, vectors, widths
from tests.retrieval import segments


@pytest.fixture(params=["float32", "float16", "int8"])
def table(request, tmp_path):
    shards = np.array_split(segments.normal(500, 8), 3)
    return vectors.VectorTable.open(segments.write_vectors(tmp_path, shards, dtype=request.param))


def test_leaves_follow_the_number_of_blocks():
    sizes = (3, 100, 10_000, 1_000_000)
    assert [ivf.default_leaves(size) for size in sizes] == [1, 12, 400, 4000]


def test_lists_hold_every_vector_once_at_its_nearest_centre(table, tmp_path):
    layer, files = ivf.train(table, 20, str(tmp_path))
    lists = ivf.Lists(*(np.load(tmp_path / f"{name}.npy") for name in ivf.Lists._fields))
    assert sorted(files) == sorted(f"{name}.npy" for name in ivf.Lists._fields)
    assert layer.num_leaves == 20
    assert sorted(lists.rows) == list(range(500))
    assert lists.values.dtype == table.dtype
    values = table.load()
    leaf = np.repeat(np.arange(20), np.diff(lists.offsets))
    distances = ((values[lists.rows, None] - lists.centres) ** 2).sum(axis=-1)
    np.testing.assert_array_equal(leaf, distances.argmin(axis=1))


def test_a_search_is_exact_over_the_leaves_nearest_to_the_query(table, tmp_path):
    layer, _ = ivf.train(table, 20, str(tmp_path))
    queries = segments.normal(7, 8, seed=1)
    offsets, rows = (np.load(tmp_path / f"{name}.npy") for name in ("offsets", "rows"))
    centres = np.load(tmp_path / "centres.npy")
    scores, found = layer.search(tf.constant(queries), 30, widths.Width(4))
    for i, query in enumerate(queries):
        leaves = np.argsort(-(centres @ query))[:4]
        inside = np.concatenate([rows[offsets[j] : offsets[j + 1]] for j in leaves])
        products = table.load()[inside] @ query
        expected = inside[np.argsort(-products)][:30]
        np.testing.assert_array_equal(found[i], expected)
        np.testing.assert_allclose(scores[i], -np.sort(-products)[:30], rtol=1e-4, atol=1e-5)


def test_saved_model_has_core_ops_alone_and_each_depth_its_width(table, tmp_path):
    layer, _ = ivf.train(table, 20, str(tmp_path))
    arrays = ivf.Lists(*(np.load(tmp_path / f"{name}.npy") for name in ivf.Lists._fields))
    widths_by_depth = {5: widths.Width(2), 50: widths.Width(20)}
    module = tf.Module()
    module.layer = ivf.IvfTopK.of_arrays(
        arrays, widths.WidthTable(widths_by_depth, widths.Width(20)), as_variables=True
    )
    signature = [tf.TensorSpec([None, 8]), tf.TensorSpec([], tf.int32)]
    module.search = tf.function(module.layer.call, input_signature=signature, autograph=False)
    tf.saved_model.save(module, str(tmp_path / "model"))
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    queries = tf.constant(segments.normal(3, 8, seed=1))
    for k, width in ((5, 2), (50, 20), (400, 20)):
        expected = layer.search(queries, k, widths.Width(width))
        found = loaded.search(queries, tf.constant(k))
        np.testing.assert_array_equal(found[1], expected[1])
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-5)
    graph = loaded.search.concrete_functions[0].graph.as_graph_def()
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    assert nodes
    assert not [n.op for n in nodes if ">" in n.op or n.op in ("PyFunc", "EagerPyFunc")]
    sizes = [n.attr["value"].tensor.ByteSize() for n in nodes if n.op == "Const"]
    assert max(sizes) < 1_000
