# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The readers: what a prediction depends on, and the span head's formula."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.models import reader
from tests.models import tiny


def _knowledge():
    made = reader.KnowledgeAugmentedEncoder(tiny.reader_config(), tiny.VOCAB_SIZE).build_weights()
    tiny.randomise(made)
    return made


def _span(**changes):
    made = reader.SpanReader(tiny.reader_config(**changes), tiny.VOCAB_SIZE).build_weights()
    tiny.randomise(made)
    return made


POSITIONS = np.array([[1, 3], [2, 2]], np.int32)


def test_masked_lm_shapes():
    logits = _knowledge()((tiny.inputs(2, 3, 10), POSITIONS))
    assert (logits.shape, logits.dtype) == ((2, 3, 2, tiny.VOCAB_SIZE), tf.float32)


def test_candidates_are_read_one_by_one():
    made, joint = _knowledge(), tiny.inputs(2, 3, 10)
    logits = made((joint, POSITIONS))
    for row, candidate in np.ndindex(2, 3):
        alone = type(joint)(*(x[row, candidate][None, None] for x in joint))
        np.testing.assert_allclose(
            logits[row, candidate], made((alone, POSITIONS[row : row + 1]))[0, 0], atol=1e-4
        )


def test_logits_are_of_the_masked_positions():
    made, joint = _knowledge(), tiny.inputs(1, 1, 10)
    both = made((joint, np.array([[1, 3]], np.int32)))
    turned = made((joint, np.array([[3, 1]], np.int32)))
    np.testing.assert_allclose(both[:, :, ::-1], turned, atol=1e-5)
    assert np.abs(both - turned).max() > 1e-2


def test_padding_changes_no_prediction():
    made, joint = _knowledge(), tiny.inputs(2, 3, 10)
    longer = made((tiny.padded(joint, 4, word_id=7), POSITIONS))
    np.testing.assert_allclose(longer, made((joint, POSITIONS)), atol=1e-4)


def test_block_decides_the_prediction():
    made, joint = _knowledge(), tiny.inputs(1, 1, 10)
    other = joint.word_ids.copy()
    other[..., -2] = (other[..., -2] + 1) % tiny.VOCAB_SIZE
    before = made((joint, POSITIONS[:1]))
    after = made((joint._replace(word_ids=other), POSITIONS[:1]))
    assert np.abs(before - after).max() > 1e-3


def test_decoder_is_tied_to_the_embeddings():
    made = _knowledge()
    shapes = [tuple(v.shape) for v in made.variables]
    assert shapes.count((tiny.VOCAB_SIZE, 16)) == 1
    joint = tiny.inputs(1, 1, 10)
    before = made((joint, POSITIONS[:1])).numpy()
    unseen = 2  # below the ids that `tiny.inputs` draws
    table = made.encoder.embedding_table
    rows = np.zeros(table.shape, np.float32)
    rows[unseen] = 1
    table.assign_add(rows)
    changed = np.abs(made((joint, POSITIONS[:1])).numpy() - before)[0, 0, 0] > 1e-6
    assert np.flatnonzero(changed).tolist() == [unseen]


def test_span_logits_are_of_all_spans():
    made, joint = _span(), tiny.inputs(2, 3, 10)
    logits = made(joint)
    assert logits.shape == (2, 3, 10, 3)
    alone = type(joint)(*(x[1, 2][None] for x in joint))
    np.testing.assert_allclose(logits[1, 2], made(alone)[0], atol=1e-4)


@pytest.mark.parametrize("epsilon", [1e-3, 0.5])
def test_span_logit_is_the_plain_formula(epsilon):
    made, joint = _span(span_epsilon=epsilon), tiny.inputs(2, 10)
    sequence, _ = made.encoder(joint)
    starts, ends = np.split(made.span_projection(sequence).numpy().astype(np.float64), 2, axis=-1)
    kernel, bias = made.span_logit.kernel.numpy(), made.span_logit.bias.numpy()
    logits = made(joint).numpy()
    for b, i, w in np.ndindex(2, 10, 3):
        if i + w >= 10:
            continue
        hidden = np.maximum(starts[b, i] + ends[b, i + w], 0)
        normal = (hidden - hidden.mean()) / np.sqrt(hidden.var() + epsilon)
        normal = normal * made.span_norm.gamma.numpy() + made.span_norm.beta.numpy()
        np.testing.assert_allclose(logits[b, i, w], (normal @ kernel + bias)[0], atol=1e-4)


@pytest.mark.parametrize("cls", [reader.KnowledgeAugmentedEncoder, reader.SpanReader])
def test_config_round_trip(cls):
    made = cls(tiny.reader_config(span_epsilon=0.3), tiny.VOCAB_SIZE).build_weights()
    tiny.randomise(made)
    again = cls.from_config(made.get_config()).build_weights()
    again.set_weights(made.get_weights())
    joint = tiny.inputs(2, 3, 10)
    inputs = (joint, POSITIONS) if cls is reader.KnowledgeAugmentedEncoder else joint
    np.testing.assert_array_equal(again(inputs), made(inputs))
