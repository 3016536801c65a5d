# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Mimetic initialisation: what attention weights begin as."""

import dataclasses

import numpy as np
import pytest
import tf_keras

from realm_tf.models import encoder, reader
from tests.models import tiny

CONFIG = dataclasses.replace(tiny.ENCODER, initializer="mimetic", initializer_range=1e-4)


@pytest.fixture(scope="module")
def made():
    layer = encoder.Encoder(CONFIG, tiny.VOCAB_SIZE)
    layer.build(None)
    return layer


def _kernels(layer):
    (attention,) = (
        m for m in layer.submodules if isinstance(m, tf_keras.layers.MultiHeadAttention)
    )
    return {v.name.split("/")[-2]: v.numpy() for v in attention.variables if "kernel" in v.name}


def test_queries_match_keys_and_values_are_carried(made):
    kernels = _kernels(made)
    query, key, value = (kernels[name].reshape(16, 16) for name in ("query", "key", "value"))
    np.testing.assert_allclose(query @ key.T, np.eye(16), atol=0.01)
    output = kernels["attention_output"].reshape(16, 16)
    np.testing.assert_allclose(value @ output, 0.49 * np.eye(16), atol=0.01)


def test_positions_are_sinusoids_apart_from_each_other(made):
    table = next(v.numpy() for v in made.variables if "position_embedding" in v.name)
    norms = np.linalg.norm(table, axis=1)
    np.testing.assert_allclose(norms, 1.0, rtol=1e-5)
    similarity = table @ table.T
    assert (np.diagonal(similarity)[:-1] > np.diagonal(similarity, 1)).all()


def test_weights_that_were_set_are_not_initialised_again(made):
    again = encoder.Encoder(CONFIG, tiny.VOCAB_SIZE)
    again.build(None)
    again.set_weights(made.get_weights())
    again(tiny.inputs(1, 4))
    for left, right in zip(again.get_weights(), made.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_head_of_the_reader_begins_as_the_identity():
    config = tiny.reader_config(encoder=CONFIG)
    made = reader.KnowledgeAugmentedEncoder(config, tiny.VOCAB_SIZE).build_weights()
    np.testing.assert_allclose(made.masked_lm.dense.kernel, np.eye(16), atol=0.01)
    plain = reader.KnowledgeAugmentedEncoder(tiny.reader_config(), tiny.VOCAB_SIZE).build_weights()
    assert np.abs(plain.masked_lm.dense.kernel).max() < 0.2
