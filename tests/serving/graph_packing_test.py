# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The graph packs as the host does."""

import types as py_types

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import types
from realm_tf.text import packing
from serving import graph_packing

TOKENIZER = py_types.SimpleNamespace(pad_id=0, cls_id=2, sep_id=3)


def _texts(seed: int, lengths) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(5, 99, n).astype(np.int32) for n in lengths]


def _same(left, right):
    for a, b in zip(left, right, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("length", [3, 8, 20])
def test_queries_as_on_the_host(length):
    queries = _texts(0, [0, 1, 5, 6, 7, 40])
    packed = graph_packing.pack_queries(tf.ragged.constant(queries, tf.int32), length, TOKENIZER)
    _same(packed, packing.pack_queries(types.Ragged.of(queries), length, TOKENIZER))


@pytest.mark.parametrize("length", [3, 4, 12, 40])
def test_pairs_as_on_the_host(length):
    queries = _texts(1, [0, 0, 4, 4, 9, 9, 60])
    bodies = _texts(2, [0, 7, 0, 5, 9, 90, 60])
    inputs, start = graph_packing.pack_joint(
        tf.ragged.constant(queries, tf.int32),
        tf.ragged.constant(bodies, tf.int32),
        length,
        TOKENIZER,
    )
    expected, expected_start = packing.pack_joint(
        types.Ragged.of(queries), types.Ragged.of(bodies), length, TOKENIZER
    )
    _same(inputs, expected)
    np.testing.assert_array_equal(start, expected_start)


def test_trimmed_inputs_end_with_the_longest():
    queries = tf.ragged.constant(_texts(3, [2, 5, 0]), tf.int32)
    packed = graph_packing.pack_queries(queries, 20, TOKENIZER)
    trimmed = graph_packing.trim(packed)
    _same(trimmed, [x[:, :7] for x in packed])
    assert graph_packing.trim(types.EncoderInputs(*(x[:0] for x in packed))).mask.shape == [0, 1]
