# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The ScaNN layer takes its width per search, and lives on without TensorFlow's variables."""

import gc
import threading

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.retrieval import scann_layer, widths
from tests.retrieval import segments


def trained(values, table=None, **options):
    everything = widths.Width(50, len(values))
    table = table or widths.WidthTable({10: everything}, everything)
    return scann_layer.ScannTopK(50, table, **options).index(tf.constant(values))


@pytest.mark.parametrize(
    ("num_blocks", "expected"), [(16, 1), (1_000, 10), (100_000, 316), (1_000_000, 2000)]
)
def test_leaves_follow_the_number_of_blocks(num_blocks, expected):
    assert scann_layer.default_leaves(num_blocks) == expected


def test_every_search_has_its_own_width():
    values, queries = segments.normal(500, 8), segments.normal(1, 8, seed=1)
    layer = trained(values)
    few = layer.search(tf.constant(queries), 200, widths.Width(1, 500))[1]
    scores, rows = layer.search(tf.constant(queries), 200, widths.Width(50, 500))
    assert few.shape[1] < 200
    np.testing.assert_array_equal(rows[0], np.argsort(-(queries @ values.T)[0])[:200])
    np.testing.assert_allclose(scores[0], -np.sort(-(queries @ values.T)[0])[:200], rtol=1e-4)


def test_leaves_are_of_directions_where_lengths_differ():
    """By distances, four leaves would hold only two of three rows that are looked for."""
    directions = segments.normal(100, 64)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    centres = directions * np.random.default_rng(0).uniform(0.2, 3.0, size=(100, 1))
    values = np.repeat(centres, 40, axis=0) + 0.05 * segments.normal(4_000, 64, seed=2)
    values = values.astype(np.float32)
    truth = np.argsort(-(directions @ values.T), axis=1)[:, :8]
    layer = trained(values)
    rows = layer.search(tf.constant(directions), 8, widths.Width(4, 200))[1].numpy()
    found = [np.isin(*pair).mean() for pair in zip(truth, rows, strict=True)]
    assert np.mean(found) > 0.85


def test_leaves_are_of_distances_where_lengths_are_about_the_same():
    values = segments.normal(100, 64)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    assert not scann_layer.have_varied_lengths(tf.constant(values * 1.02))
    values[::2] *= 1.2
    assert scann_layer.have_varied_lengths(tf.constant(values))


def test_two_layers_are_two_searchers_and_leave_nothing_behind():
    """Without names of their own the second searcher would be the first, and stay for ever."""
    queries = segments.normal(3, 8)
    tables = [segments.normal(500, 8, seed=seed) for seed in (1, 2)]
    layers = [trained(values) for values in tables]
    restored = [
        trained(values).restore(layer.parts(), tf.constant(values))
        for layer, values in zip(layers, tables, strict=True)
    ]
    for values, layer in zip(tables, restored, strict=True):
        rows = layer.search(tf.constant(queries), 5, widths.Width(50, 500))[1]
        np.testing.assert_array_equal(rows, np.argsort(-(queries @ values.T))[:, :5])
    handle = restored[0]._handle
    del layers, restored, layer
    gc.collect()
    for thread in threading.enumerate():
        if thread.name == scann_layer._DESTROYER:
            thread.join()
    with pytest.raises(tf.errors.NotFoundError):
        tf.raw_ops.DestroyResourceOp(resource=handle, ignore_lookup_error=False)


def test_a_layer_that_is_collected_while_a_function_is_traced_is_not_in_it():
    layers = [trained(segments.normal(100, 8))]

    @tf.function
    def traced():
        layers.clear()
        gc.collect()
        return tf.constant(1)

    graph = traced.get_concrete_function().graph
    assert [op.type for op in graph.get_operations()] == ["Const", "Identity"]
    assert not layers


def test_int8_needs_no_other_vectors():
    values, queries = segments.normal(500, 8), segments.normal(20, 8, seed=1)
    layer = trained(values, reorders_int8=True)
    restored = layer.restore(layer.parts(), tf.zeros([0, 8]))
    rows = restored.search(tf.constant(queries), 10, widths.Width(50, 500))[1].numpy()
    expected = np.argsort(-(queries @ values.T))[:, :10]
    shared = [len(set(a) & set(b)) for a, b in zip(rows, expected, strict=True)]
    assert np.mean(shared) > 9


def test_identifiers_are_refused():
    layer = trained(segments.normal(100, 8))
    with pytest.raises(ValueError, match="row numbers"):
        layer.index(tf.zeros([100, 8]), tf.range(100))


def test_saved_model_searches_every_depth_at_its_width(tmp_path):
    values, queries = segments.normal(500, 8), segments.normal(3, 8, seed=1)
    table = widths.WidthTable(
        {5: widths.Width(1, 100), 50: widths.Width(50, 500)}, widths.Width(50, 500)
    )
    module = tf.Module()
    layer = trained(values, table)
    module.layer = layer.hold_variables(layer.parts(), tf.constant(values))
    signature = [tf.TensorSpec([None, 8]), tf.TensorSpec([], tf.int32)]
    module.search = tf.function(module.layer.call, input_signature=signature)
    options = tf.saved_model.SaveOptions(namespace_whitelist=["Scann"])
    tf.saved_model.save(module, str(tmp_path), options=options)
    loaded = tf.saved_model.load(str(tmp_path))
    expected = np.argsort(-(queries @ values.T))
    narrow = loaded.search(tf.constant(queries), tf.constant(5))[1]
    wide = loaded.search(tf.constant(queries), tf.constant(50))[1]
    deeper = loaded.search(tf.constant(queries), tf.constant(300))[1]
    assert not np.array_equal(narrow, expected[:, :5])
    np.testing.assert_array_equal(wide, expected[:, :50])
    np.testing.assert_array_equal(deeper, expected[:, :300])
