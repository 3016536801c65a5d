# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Dropout masks belong to a step: repeated, they are the same; elsewhere, they are others."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from realm_tf import config, types
from realm_tf.models import embedder
from realm_tf.training.engine import dropout
from tests.models import tiny


def _model(rate=0.5, *, seed=0, stage="stage"):
    model = tf_keras.Sequential([tf_keras.layers.Dropout(rate), tf_keras.layers.Dropout(rate)])
    model.build([None, 1000])
    dropout.make_stateless(model, seed=seed, stage=stage)
    return model


def _mask(model, step, size=1000):
    with dropout.at_step(tf.constant(step, tf.int64)):
        return model(tf.ones([1, size]), training=True).numpy()


def test_mask_is_a_function_of_the_step():
    model, again = _model(), _model()
    _mask(model, 3)
    np.testing.assert_array_equal(_mask(model, 7), _mask(again, 7))
    others = [
        _mask(model, 8),
        _mask(_model(seed=1), 7),
        _mask(_model(stage="another"), 7),
    ]
    for other in others:
        assert 0.3 < np.mean((other == 0) != (_mask(model, 7) == 0)) < 0.5  # 0.375 of chance


def test_share_and_scale():
    values = _mask(_model(0.5), 1, 100_000)
    np.testing.assert_allclose(np.mean(values == 0), 0.75, atol=0.01)  # two layers
    assert set(np.unique(values)) == {0.0, 4.0}


def test_calls_of_one_step_drop_other_things():
    model = _model()
    with dropout.at_step(tf.constant(1, tf.int64)):
        first, second = (model(tf.ones([1, 1000]), training=True).numpy() for _ in range(2))
    assert np.any(first != second)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_tracing_again_changes_nothing(jit_compile):
    """Another shape traces the function anew, which must not count on from the first trace."""

    def make():
        model = _model()

        @tf.function(jit_compile=jit_compile)
        def call(x):
            with dropout.at_step(tf.constant(5, tf.int64)):
                return model(x, training=True)

        return call

    call, fresh = make(), make()
    call(tf.ones([1, 10]))
    whole = tf.ones([1, 1000])
    np.testing.assert_array_equal(call(whole), fresh(whole))
    if not jit_compile:  # XLA draws other numbers from the same seed
        np.testing.assert_array_equal(call(whole), _mask(_model(), 5))


def test_replicas_drop_other_things(two_logical_devices):
    strategy = tf.distribute.MirroredStrategy(two_logical_devices)
    with strategy.scope():
        model = _model()

    @tf.function
    def call(step):
        def replica(step):
            with dropout.at_step(step):
                return model(tf.ones([1, 1000]), training=True)

        return strategy.run(replica, args=(step,))

    def masks(step):
        found = strategy.experimental_local_results(call(tf.constant(step, tf.int64)))
        return [value.numpy() for value in found]

    first, second = masks(4)
    assert np.any(first != second)
    np.testing.assert_array_equal(masks(4), [first, second])
    assert np.any(masks(5)[0] != first)


def test_every_dropout_of_an_encoder_takes_part():
    """Also those that attention makes when its weights are made."""
    encoder = config.EncoderConfig(
        hidden_size=16, num_layers=2, num_heads=2, intermediate_size=32, max_positions=16
    )
    made = embedder.Embedder(
        config.EmbedderConfig(encoder=encoder, projection_size=8), tiny.VOCAB_SIZE
    ).build_weights()
    dropout.make_stateless(made, seed=0, stage="x")
    inputs = types.EncoderInputs(*tiny.inputs(3, 6))

    def embed(step):
        with dropout.at_step(tf.constant(step, tf.int64)):
            return made.embed_queries(inputs, training=True).numpy()

    embed(1)
    np.testing.assert_array_equal(embed(2), embed(2))
    assert np.any(embed(2) != embed(3))
    np.testing.assert_array_equal(
        made.embed_queries(inputs, training=False), made.embed_queries(inputs, training=False)
    )
    assert np.any(  # outside of a step, Keras draws as ever
        made.embed_queries(inputs, training=True).numpy()
        != made.embed_queries(inputs, training=True).numpy()
    )
