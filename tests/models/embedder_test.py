# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The embedder: what a vector depends on, and one tower against two."""

import math

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.models import embedder, variable_names
from tests.models import tiny


def _make(**changes):
    made = embedder.Embedder(tiny.embedder_config(**changes), tiny.VOCAB_SIZE).build_weights()
    tiny.randomise(made)
    return made


def test_shapes_of_queries_and_nested_blocks():
    queries, blocks = _make()((tiny.inputs(2, 6), tiny.inputs(2, 3, 8)))
    assert (queries.shape, blocks.shape) == ((2, tiny.DIM), (2, 3, tiny.DIM))


def test_nesting_changes_nothing():
    made, blocks = _make(), tiny.inputs(2, 3, 8)
    nested = made.embed_blocks(blocks)
    for row, candidate in np.ndindex(2, 3):
        alone = made.embed_blocks(type(blocks)(*(x[row, candidate][None] for x in blocks)))
        np.testing.assert_allclose(nested[row, candidate], alone[0], atol=1e-5)


def test_padding_changes_nothing():
    made, full = _make(), tiny.inputs(2, 6)
    longer = made.embed_queries(tiny.padded(full, 4, word_id=3))
    np.testing.assert_allclose(longer, made.embed_queries(full), atol=1e-5)


def test_title_and_segments_matter():
    made, block = _make(), tiny.inputs(1, 8)
    vector = made.embed_blocks(block)
    other_title = block.word_ids.copy()
    other_title[0, 1] = (other_title[0, 1] + 1) % tiny.VOCAB_SIZE
    moved = block.type_ids.copy()
    moved[0, 3] = 1
    for changed in (block._replace(word_ids=other_title), block._replace(type_ids=moved)):
        assert np.abs(made.embed_blocks(changed) - vector).max() > 1e-3


def test_vector_is_the_normalised_projection():
    made, inputs = _make(projection_epsilon=0.1), tiny.inputs(3, 6)
    tower = made.block_tower
    projected = tower.projection(tower.encoder(inputs)[1]).numpy()
    centred = projected - projected.mean(-1, keepdims=True)
    normal = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 0.1)
    norm = tower.layer_norm
    np.testing.assert_allclose(
        made.embed_blocks(inputs), normal * norm.gamma + norm.beta, atol=1e-4
    )


def test_mean_pooling_is_over_what_the_mask_keeps():
    made = _make(pooling="mean", projection_size=None, normalisation="none")
    inputs = tiny.padded(tiny.inputs(3, 6), 3, word_id=7)
    sequence, _ = made.block_tower.encoder(inputs)
    expected = sequence.numpy()[:, :6].mean(axis=1)
    np.testing.assert_allclose(made.embed_blocks(inputs), expected, atol=1e-5)


def test_no_wordpieces_are_a_zero_vector():
    sequence = np.ones([1, 3, 4], np.float32)
    assert not embedder.mean_pool(sequence, np.zeros([1, 3], np.int32)).numpy().any()


@pytest.mark.parametrize("size", [None, 5])
def test_size_of_a_vector_is_the_configurations(size):
    made, inputs = _make(projection_size=size), tiny.inputs(3, 6)
    expected = tiny.ENCODER.hidden_size if size is None else 5
    assert made.embed_blocks(inputs).shape[-1] == expected
    assert made.block_tower.config.embed_dim == expected


def test_normalisations_without_projection():
    inputs = tiny.inputs(3, 6)
    changes = {"projection_size": None, "normalisation": "none"}
    plain, unit = (_make(**{**changes, "normalisation": n}) for n in ("none", "l2"))
    unit.set_weights(plain.get_weights())
    vectors = plain.embed_blocks(inputs).numpy()
    np.testing.assert_array_equal(vectors, plain.block_tower.encoder(inputs)[1])
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    assert (abs(length - 1) > 0.1).all()
    np.testing.assert_allclose(unit.embed_blocks(inputs), vectors / length, atol=1e-6)


@pytest.mark.parametrize("learned", [False, True])
def test_score_scale_is_a_factor_of_the_inner_product(learned):
    queries, blocks = tiny.inputs(3, 6), tiny.inputs(3, 6, seed=1)

    def relevance(made):
        return (made.embed_queries(queries) @ tf.transpose(made.embed_blocks(blocks))).numpy()

    plain, scaled = _make(), _make(score_scale=20.0, learn_score_scale=learned)
    named = variable_names.of_embedder(plain)
    for name, variable in variable_names.of_embedder(scaled).items():
        variable.assign(named.get(name, math.log(20.0)))
    np.testing.assert_allclose(relevance(scaled), 20 * relevance(plain), rtol=1e-5)


def test_learned_scale_has_a_gradient_and_an_end():
    made, inputs = _make(score_scale=2.0, learn_score_scale=True), tiny.inputs(3, 6)
    log_scale = made.block_tower.log_scale
    with tf.GradientTape() as tape:
        product = tf.reduce_sum(made.embed_queries(inputs) ** 2)
    # d/ds of exp(s) * x is itself.
    np.testing.assert_allclose(tape.gradient(product, log_scale), product, rtol=1e-5)
    norms = []
    for value in (np.log(100.0), 9.0):
        log_scale.assign(value)
        norms.append(np.linalg.norm(made.embed_blocks(inputs)))
    assert norms[0] == pytest.approx(norms[1])


def test_one_tower_is_shared():
    made, inputs = _make(), tiny.inputs(2, 6)
    assert made.query_tower is made.block_tower
    np.testing.assert_array_equal(made.embed_queries(inputs), made.embed_blocks(inputs))


def test_two_towers_have_weights_of_their_own():
    made, inputs = _make(two_towers=True), tiny.inputs(2, 6)
    assert len(made.variables) == 2 * len(_make().variables)
    assert np.abs(made.embed_queries(inputs) - made.embed_blocks(inputs)).max() > 1e-2


def test_dropout_is_on_in_training_only():
    made, inputs = _make(dropout=0.5), tiny.inputs(2, 6)
    assert (made.embed_queries(inputs, training=True).numpy() == 0).any()
    assert (made.embed_queries(inputs).numpy() != 0).all()


@pytest.mark.parametrize("two_towers", [False, True])
def test_config_round_trip(two_towers):
    made, inputs = _make(two_towers=two_towers, projection_epsilon=0.2), tiny.inputs(2, 6)
    again = embedder.Embedder.from_config(made.get_config()).build_weights()
    again.set_weights(made.get_weights())
    for one, other in zip(again((inputs, inputs)), made((inputs, inputs)), strict=True):
        np.testing.assert_array_equal(one, other)
