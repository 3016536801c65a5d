# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""ScaNN's settings follow the number of blocks, and a trained layer's can be widened."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import config
from realm_tf.retrieval import scann_layer
from tests.retrieval import segments


@pytest.mark.parametrize(
    ("num_blocks", "k", "expected"),
    [
        (16, 10, (1, 1, 200)),
        (1_000, 10, (10, 8, 200)),
        (100_000, 100, (316, 8, 200)),
        (1_000_000, 100, (2000, 50, 200)),
        (1_000_000, 500, (2000, 50, 1000)),
    ],
)
def test_defaults(num_blocks, k, expected):
    chosen = scann_layer.choose(num_blocks, k, config.RetrievalConfig(index="scann"))
    assert chosen == scann_layer.ScannSettings(*expected)


def test_configuration_goes_first_but_2k_are_reordered():
    cfg = config.RetrievalConfig(num_leaves=30, num_leaves_to_search=4, num_reordering_candidates=5)
    assert scann_layer.choose(1000, 10, cfg) == scann_layer.ScannSettings(30, 4, 20)


def test_wider_is_twice_as_wide_up_to_half_of_the_leaves():
    narrow = scann_layer.ScannSettings(64, 10, 50)
    assert narrow.wider() == scann_layer.ScannSettings(64, 20, 100)
    assert narrow.wider().wider() is None


def test_a_trained_layer_can_be_searched_wider():
    values, queries = segments.normal(500, 8), segments.normal(1, 8, seed=1)
    layer = scann_layer.ScannTopK(scann_layer.ScannSettings(50, 1, 500))
    layer.index(tf.constant(values))
    few = layer(tf.constant(queries), k=200)[1].shape[1]
    layer.settings = scann_layer.ScannSettings(50, 50, 500)
    scores, rows = layer(tf.constant(queries), k=200)
    assert few < 200
    np.testing.assert_array_equal(rows[0], np.argsort(-(queries @ values.T)[0])[:200])
    np.testing.assert_allclose(scores[0], -np.sort(-(queries @ values.T)[0])[:200], rtol=1e-4)
