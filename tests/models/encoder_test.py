# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The encoder: what its outputs depend on, and that every setting arrives."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from realm_tf.models import encoder
from tests.models import tiny


def _make(seed=0, **changes):
    options = {k: changes.pop(k) for k in ("first_token_only",) if k in changes}
    config = dataclasses.replace(tiny.ENCODER, **changes)
    made = encoder.Encoder(config, tiny.VOCAB_SIZE, **options)
    made.build(None)
    tiny.randomise(made, seed=seed)
    return made


def test_shapes():
    sequence, pooled = _make()(tiny.inputs(3, 10))
    assert (sequence.shape, pooled.shape) == ((3, 10, 16), (3, 16))
    assert sequence.dtype == pooled.dtype == tf.float32


def test_padding_changes_nothing():
    made, full = _make(), tiny.inputs(2, 8)
    sequence, pooled = made(full)
    for word_id in (0, 9):
        longer, longer_pooled = made(tiny.padded(full, 3, word_id=word_id))
        np.testing.assert_allclose(longer[:, :8], sequence, atol=1e-5)
        np.testing.assert_allclose(longer_pooled, pooled, atol=1e-5)


def test_segments_and_order_matter():
    made, full = _make(), tiny.inputs(2, 8)
    _, pooled = made(full)
    one_segment = full._replace(type_ids=np.zeros_like(full.type_ids))
    turned = full._replace(word_ids=full.word_ids[:, ::-1])
    for other in (one_segment, turned):
        assert np.abs(made(other)[1] - pooled).max() > 1e-3


def test_first_token_only_is_exact():
    full, first = _make(), _make(first_token_only=True)
    first.set_weights(full.get_weights())
    inputs = tiny.padded(tiny.inputs(3, 7), 2, word_id=0)
    sequence, pooled = full(inputs)
    first_sequence, first_pooled = first(inputs)
    assert first_sequence.shape == (3, 1, 16)
    np.testing.assert_allclose(first_sequence, sequence[:, :1], atol=1e-5)
    np.testing.assert_allclose(first_pooled, pooled, atol=1e-5)


def test_epsilon_reaches_every_layer_norm():
    made = _make(layer_norm_epsilon=0.5)
    norms = [m for m in made.submodules if isinstance(m, tf_keras.layers.LayerNormalization)]
    assert len(norms) == 3  # of the embeddings, the attention and the feed-forward part
    assert {norm.epsilon for norm in norms} == {0.5}


@pytest.mark.parametrize(
    "change",
    [{"layer_norm_epsilon": 0.5}, {"activation": "gelu_tanh"}],
    ids=lambda change: next(iter(change)),
)
def test_setting_changes_the_output_of_the_same_weights(change):
    plain, changed = _make(), _make(**change)
    changed.set_weights(plain.get_weights())
    inputs = tiny.inputs(2, 8)
    assert np.abs(plain(inputs)[0] - changed(inputs)[0]).max() > 1e-6


def test_activations_are_the_two_forms_of_gelu():
    x = np.linspace(-4, 4, 41).astype(np.float32)
    erf = encoder.activation(tiny.ENCODER)(x)
    tanh = encoder.activation(dataclasses.replace(tiny.ENCODER, activation="gelu_tanh"))(x)
    np.testing.assert_allclose(erf, x * 0.5 * (1 + tf.math.erf(x / np.sqrt(2))), atol=1e-6)
    inner = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
    np.testing.assert_allclose(tanh, 0.5 * x * (1 + np.tanh(inner)), atol=1e-6)
    assert np.abs(erf - tanh).max() > 1e-5


def test_dropout_is_on_in_training_only():
    made, inputs = _make(dropout=0.5), tiny.inputs(2, 8)
    np.testing.assert_array_equal(made(inputs)[1], made(inputs, training=False)[1])
    assert np.abs(made(inputs, training=True)[1] - made(inputs)[1]).max() > 1e-3


def test_equal_shapes_draw_apart():
    one, other = (encoder.initializer(tiny.ENCODER)([4, 4]) for _ in range(2))
    assert np.abs(one - other).max() > 0


def test_config_round_trip():
    made = _make(first_token_only=True, layer_norm_epsilon=0.1)
    again = encoder.Encoder.from_config(made.get_config())
    again.build(None)
    again.set_weights(made.get_weights())
    inputs = tiny.inputs(2, 8)
    np.testing.assert_array_equal(again(inputs)[0], made(inputs)[0])


def test_flatten_and_unflatten():
    inputs = tiny.inputs(2, 3, 4)
    flat = encoder.flatten(inputs)
    assert flat.word_ids.shape == (6, 4)
    np.testing.assert_array_equal(flat.word_ids[4], inputs.word_ids[1, 1])
    values = tf.reshape(tf.range(12), [6, 2])
    np.testing.assert_array_equal(encoder.unflatten(values, inputs.word_ids)[1, 1], values[4])
