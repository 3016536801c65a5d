# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Public names: every variable has one, whatever was made before it."""

import pytest

from realm_tf.models import embedder, open_qa_model, reader, span_tagger, variable_names
from tests.models import tiny


def _networks():
    return [
        (variable_names.of_embedder, embedder.Embedder(tiny.embedder_config(), tiny.VOCAB_SIZE)),
        (
            variable_names.of_embedder,
            embedder.Embedder(tiny.embedder_config(two_towers=True), tiny.VOCAB_SIZE),
        ),
        (
            variable_names.of_embedder,
            embedder.Embedder(tiny.embedder_config(learn_score_scale=True), tiny.VOCAB_SIZE),
        ),
        (
            variable_names.of_knowledge_encoder,
            reader.KnowledgeAugmentedEncoder(tiny.reader_config(), tiny.VOCAB_SIZE),
        ),
        (variable_names.of_span_reader, reader.SpanReader(tiny.reader_config(), tiny.VOCAB_SIZE)),
        (
            variable_names.of_open_qa,
            open_qa_model.OpenQaModel(tiny.model_config(), tiny.VOCAB_SIZE),
        ),
        (
            variable_names.of_span_tagger,
            span_tagger.SpanTagger(tiny.ENCODER, tiny.VOCAB_SIZE, 5),
        ),
    ]


@pytest.mark.parametrize("number", range(7))
def test_every_variable_has_one_name(number):
    names, model = _networks()[number]
    model.build_weights()
    named = names(model)
    assert {v.ref() for v in named.values()} == {v.ref() for v in model.variables}
    assert len(named) == len(model.variables)
    second_of_its_kind = _networks()[number][1].build_weights()
    assert list(names(second_of_its_kind)) == list(named)


def test_names_and_shapes_are_as_documented():
    model = reader.KnowledgeAugmentedEncoder(tiny.reader_config(), tiny.VOCAB_SIZE)
    shapes = {
        name: tuple(v.shape)
        for name, v in variable_names.of_knowledge_encoder(model.build_weights()).items()
    }
    encoder = tiny.ENCODER
    heads = (encoder.num_heads, encoder.hidden_size // encoder.num_heads)
    assert shapes["encoder/word_embeddings"] == (tiny.VOCAB_SIZE, encoder.hidden_size)
    assert shapes["encoder/position_embeddings"] == (encoder.max_positions, encoder.hidden_size)
    assert shapes["encoder/layer_0/key/kernel"] == (encoder.hidden_size, *heads)
    assert shapes["encoder/layer_0/attention_output/kernel"] == (*heads, encoder.hidden_size)
    assert shapes["encoder/layer_0/output/kernel"] == (encoder.intermediate_size, 16)
    assert shapes["masked_lm/bias"] == (tiny.VOCAB_SIZE,)
