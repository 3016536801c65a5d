# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The induction circuit: a reader that starts as one copies almost at once."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from realm_tf import config, types
from realm_tf.models import losses, reader
from realm_tf.models.initializers import induction
from tests.models import tiny

_VOCAB_SIZE, _MASK, _SEP = 200, 3, 4
_ENCODER = dataclasses.replace(
    tiny.ENCODER, hidden_size=64, num_layers=2, num_heads=4, initializer="induction"
)


def _reader(**changes):
    tf_keras.utils.set_random_seed(0)
    encoder = dataclasses.replace(_ENCODER, **changes)
    made = reader.KnowledgeAugmentedEncoder(tiny.reader_config(encoder=encoder), _VOCAB_SIZE)
    return made.build_weights()


def _batch(seed, num_examples=32, length=10, offset=10):
    """Sentences of random words with one mask; blocks hold them, and other words not in them."""
    rng = np.random.default_rng(seed)
    words = np.arange(5, _VOCAB_SIZE)
    both = np.stack([rng.permutation(words)[: offset + length] for _ in range(num_examples)])
    masked = rng.integers(1, length - 1, num_examples)
    queries = both[:, offset:].copy()
    targets = queries[np.arange(num_examples), masked]
    queries[np.arange(num_examples), masked] = _MASK
    sep = np.full((num_examples, 1), _SEP)
    word_ids = np.concatenate([queries, sep, both, sep], axis=1).astype(np.int32)[:, None]
    type_ids = np.broadcast_to(np.arange(word_ids.shape[-1]) > length, word_ids.shape)
    joint = types.EncoderInputs(word_ids, np.ones_like(word_ids), type_ids.astype(np.int32))
    return joint, masked[:, None].astype(np.int32), targets[:, None].astype(np.int32)


def _copy_accuracy(model, steps):
    """Share of masks that are predicted right, out of the whole vocabulary, after training."""
    optimizer = tf_keras.optimizers.Adam(1e-3)

    @tf.function
    def step(joint, positions, targets):
        with tf.GradientTape() as tape:
            log_p = losses.log_token(model((joint, positions)), targets)
            loss = -tf.reduce_mean(log_p)
        variables = model.encoder.trainable_variables
        gradients = tape.gradient(loss, variables, unconnected_gradients="zero")
        optimizer.apply_gradients(zip(gradients, variables, strict=True))

    for seed in range(steps):
        step(*tf.nest.map_structure(tf.constant, _batch(seed)))
    joint, positions, targets = _batch(-1 % 2**32, num_examples=256)
    return np.mean(model((joint, positions)).numpy()[:, 0].argmax(-1) == targets)


@pytest.mark.parametrize("num_layers", [2, 3])
def test_a_reader_learns_to_copy_in_sixty_steps(num_layers):
    assert _copy_accuracy(_reader(num_layers=num_layers), steps=60) > 0.5


def test_without_the_circuit_it_does_not():
    assert _copy_accuracy(_reader(initializer="mimetic"), steps=60) < 0.25


def test_a_head_looks_one_place_aside():
    frequencies = np.array([0.3, 1.1])
    positions = np.arange(5)[:, None] * frequencies
    sinusoids = np.concatenate([np.sin(positions), np.cos(positions)], axis=1)
    shifted = sinusoids @ induction._shift(frequencies, -1)
    np.testing.assert_allclose(shifted[1:], sinusoids[:-1], atol=1e-6)


@pytest.mark.parametrize("changes", [{"num_layers": 1}, {"num_heads": 1}, {"hidden_size": 12}])
def test_a_shape_without_room_for_the_circuit_is_refused(changes):
    with pytest.raises(types.UserError, match="induction needs 2 layers, 2 heads"):
        config.EncoderConfig(**{**dataclasses.asdict(_ENCODER), **changes})
