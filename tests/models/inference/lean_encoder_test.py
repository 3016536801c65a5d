# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The lean graph is the training layers' function: any pooling, activation, head, tower, dtype."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import types
from realm_tf.models import embedder
from realm_tf.models.inference import lean_encoder
from tests.models import tiny

# Larger than the tiny one, as bfloat16 averages its errors over many numbers.
ENCODER = dataclasses.replace(
    tiny.ENCODER, hidden_size=64, num_layers=3, num_heads=4, intermediate_size=128
)


def _make(*, activation="gelu_erf", epsilon=1e-12, stddev=0.3, **changes):
    encoder = dataclasses.replace(ENCODER, activation=activation, layer_norm_epsilon=epsilon)
    config = tiny.embedder_config(encoder=encoder, **changes)
    made = embedder.Embedder(config, tiny.VOCAB_SIZE).build_weights()
    tiny.randomise(made, stddev=stddev)
    return made


def _tensors(inputs):
    return types.EncoderInputs(*(tf.constant(x) for x in inputs))


def _lean(tower, inputs, **kwargs):
    return lean_encoder.LeanTower(tower, **kwargs)(_tensors(inputs)).numpy()


def _ragged_batch():
    """Sequences of four lengths, whose padding holds wordpieces."""
    full = tiny.inputs(4, 12)
    mask = (np.arange(12) < np.array([[12], [9], [5], [2]])).astype(np.int32)
    return full._replace(mask=mask)


@pytest.mark.parametrize("activation", ["gelu_erf", "gelu_tanh"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"pooling": "mean"},
        {"pooling": "mean", "projection_size": None, "normalisation": "l2"},
        {"projection_size": None, "normalisation": "none"},
        {"projection_epsilon": 0.5},
        {"epsilon": 0.1, "pooling": "mean"},
        {"projection_size": None, "normalisation": "l2", "score_scale": 20.0},
        {"pooling": "mean", "score_scale": 2.0, "learn_score_scale": True},
    ],
    ids=str,
)
def test_equal_to_the_training_layers(activation, changes):
    made, inputs = _make(activation=activation, **changes), _ragged_batch()
    expected = made.embed_blocks(inputs).numpy()
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(_lean(made.block_tower, inputs), expected, atol=2e-5)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_padding_changes_nothing(pooling):
    made, full = _make(pooling=pooling), tiny.inputs(2, 6)
    longer = tiny.padded(full, 4, word_id=3)
    np.testing.assert_allclose(
        _lean(made.block_tower, longer), _lean(made.block_tower, full), atol=2e-5
    )


def test_each_tower_has_its_own_weights():
    made, inputs = _make(two_towers=True), _ragged_batch()
    for tower in (made.query_tower, made.block_tower):
        np.testing.assert_allclose(_lean(tower, inputs), tower(inputs), atol=2e-5)
    assert np.abs(_lean(made.query_tower, inputs) - made.embed_blocks(inputs)).max() > 1e-2


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_bfloat16_points_the_same_way(pooling):
    changes = {"pooling": pooling, "projection_size": None, "normalisation": "none"}
    made, inputs = _make(stddev=0.1, **changes), _ragged_batch()
    expected = made.embed_blocks(inputs).numpy()
    vectors = _lean(made.block_tower, inputs, dtype="bfloat16")
    assert vectors.dtype == np.float32
    norms = np.linalg.norm(vectors, axis=-1) * np.linalg.norm(expected, axis=-1)
    assert ((vectors * expected).sum(-1) / norms).min() >= 0.9999
    assert np.abs(vectors - expected).max() > 1e-6  # it is bfloat16


@pytest.mark.parametrize(("dtype", "kernel"), [("float32", "float32"), ("bfloat16", "bfloat16")])
def test_it_holds_variables_and_no_layer(dtype, kernel):
    made = _make()
    lean = lean_encoder.LeanTower(made.block_tower, dtype=dtype)
    assert not any(isinstance(module, tf.keras.layers.Layer) for module in lean.submodules)
    dtypes = {v.dtype.name for v in lean.variables if v.shape == [64, 128]}
    assert dtypes == {kernel}
    sizes = [sum(int(tf.size(v)) for v in part.variables) for part in (lean, made.block_tower)]
    assert sizes[0] == sizes[1]


def test_later_training_does_not_change_it():
    made, inputs = _make(), _tensors(_ragged_batch())
    lean = lean_encoder.LeanTower(made.block_tower)
    before = lean(inputs).numpy()
    tiny.randomise(made, seed=7)
    np.testing.assert_array_equal(lean(inputs), before)
