# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The joint model: its parts' numbers, and the same loss under XLA."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.models import losses, realm
from tests.models import tiny


@pytest.fixture(scope="module")
def model():
    made = realm.RealmModel(tiny.model_config(), tiny.VOCAB_SIZE).build_weights()
    tiny.randomise(made, stddev=0.1)
    return made


def test_relevance_is_the_inner_product(model):
    batch = tiny.masked_batch()
    outputs = model(tiny.realm_inputs(batch))
    queries = model.embedder.embed_queries(batch.query).numpy()
    blocks = model.embedder.embed_blocks(batch.blocks).numpy()
    np.testing.assert_allclose(
        outputs.relevance, (queries[:, None] * blocks).sum(-1), rtol=1e-4, atol=1e-4
    )
    np.testing.assert_allclose(outputs.query_emb, queries, atol=1e-6)
    logits = model.reader((batch.joint, batch.mask_positions))
    np.testing.assert_allclose(outputs.token_logits, logits, atol=1e-5)


def _step(model, batch):
    with tf.GradientTape() as tape:
        outputs = model(tiny.realm_inputs(batch), training=True)
        log_p_z = losses.log_retrieval(outputs.relevance, batch.candidate_mask)
        log_p_y = losses.log_token(outputs.token_logits, batch.mask_targets)
        loss = losses.masked_lm_loss(log_p_z, log_p_y, batch.mask_weights)
    gradients = tape.gradient(loss, model.trainable_variables)
    return loss, [tf.convert_to_tensor(g) for g in gradients if g is not None]


def test_loss_reaches_retriever_and_reader(model):
    batch = tf.nest.map_structure(tf.constant, tiny.masked_batch())
    _, gradients = _step(model, batch)
    assert len(gradients) >= len(model.trainable_variables) - 2  # the reader's pooler is unused
    assert all(np.abs(g).max() > 0 for g in gradients if g.shape != (16,))


def test_xla_gives_the_same_loss_and_gradients(model):
    batch = tf.nest.map_structure(tf.constant, tiny.masked_batch())
    loss, gradients = _step(model, batch)
    compiled = tf.function(lambda inputs: _step(model, inputs), jit_compile=True)
    xla_loss, xla_gradients = compiled(batch)
    np.testing.assert_allclose(xla_loss, loss, rtol=1e-5)
    for one, other in zip(xla_gradients, gradients, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_config_round_trip(model):
    again = realm.RealmModel.from_config(model.get_config()).build_weights()
    again.set_weights(model.get_weights())
    batch = tiny.realm_inputs(tiny.masked_batch())
    np.testing.assert_array_equal(again(batch).token_logits, model(batch).token_logits)
