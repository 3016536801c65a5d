# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The QA model: its parts' numbers."""

import numpy as np
import pytest

from realm_tf.models import open_qa_model
from tests.models import tiny


@pytest.fixture(scope="module")
def model():
    made = open_qa_model.OpenQaModel(tiny.model_config(), tiny.VOCAB_SIZE).build_weights()
    tiny.randomise(made)
    return made


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    return open_qa_model.OpenQaInputs(
        question=tiny.inputs(2, 6),
        joint=tiny.inputs(2, 3, 12, seed=1),
        block_emb=rng.normal(size=(2, 5, tiny.DIM)).astype(np.float32),
    )


def test_scores_searched_blocks_and_reads_some(model, batch):
    retriever_logits, span_logits = model(batch)
    assert (retriever_logits.shape, span_logits.shape) == ((2, 5), (2, 3, 12, 3))
    query = model.embed(batch.question).numpy()
    expected = (query[:, None] * batch.block_emb).sum(-1)
    np.testing.assert_allclose(retriever_logits, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(span_logits, model.reader(batch.joint), atol=1e-5)


def test_there_is_no_block_tower(model):
    parts = {v.name.split("/")[0] for v in model.trainable_variables}
    assert not any("block" in part for part in parts)
    assert model.config == tiny.model_config()


def test_config_round_trip(model, batch):
    again = open_qa_model.OpenQaModel.from_config(model.get_config()).build_weights()
    again.set_weights(model.get_weights())
    for one, other in zip(again(batch), model(batch), strict=True):
        np.testing.assert_array_equal(one, other)
