# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The graph answers as a plain computation on the host does, span by span."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from realm_tf import types
from realm_tf.models import open_qa_model
from realm_tf.text import packing
from serving import client, signatures, spans
from tests.serving import tiny_system

QUESTIONS = (
    "Where is Lake Ohrid?",
    "",
    "Où est l'été à Zürich, 東京?",
    "which of the many long cities of the old world was it that was not built in a single day",
    "the the the",
)


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    return tiny_system.make(str(tmp_path_factory.mktemp("system")))


@pytest.fixture(scope="module")
def module(system):
    return signatures.QaModule(**system._asdict())


def _search(system, question):
    """Row numbers and scores of all blocks, best first, and the question's wordpieces."""
    cfg = system.config.open_qa
    ids = system.tokenizer.encode([question])[0].ids[: cfg.query_length - 2]
    packed = packing.pack_queries(types.Ragged.of([ids]), cfg.query_length, system.tokenizer)
    query_emb = system.model.embed(types.EncoderInputs(*map(tf.constant, packed))).numpy()[0]
    scores = system.vectors.load() @ query_emb
    rows = np.argsort(-scores)
    return rows, scores[rows], ids


def _expected_answers(system, question):
    """All spans of the read blocks as (score, row, text), best first, without repetitions."""
    cfg, found = system.config.open_qa, []
    rows, scores, ids = _search(system, question)
    for row, score in zip(rows[: cfg.num_read].tolist(), scores, strict=False):
        body = system.table.token_ids(row)
        joint, start = packing.pack_joint(
            types.Ragged.of([ids]), types.Ragged.of([body]), cfg.reader_length, system.tokenizer
        )
        logits = system.model.reader(types.EncoderInputs(*map(tf.constant, joint))).numpy()[0]
        text = system.table.text(row).encode()
        byte_start = system.table.token_byte_start(row)
        byte_limit = system.table.token_byte_limit(row)
        size = packing.body_limits(joint)[0] - start[0]
        for first in range(size):
            for last in range(first, min(first + logits.shape[1], size)):
                cut = text[byte_start[first] : byte_limit[last]].decode()
                found.append((logits[start[0] + first, last - first] + score, row, cut))
    answers, seen = [], set()
    for score, row, cut in sorted(found, key=lambda item: -item[0]):
        key = row, spans.normalize(cut).numpy()
        if key not in seen:
            answers.append((score, row, cut))
            seen.add(key)
        if len(answers) == 5:
            break
    return answers


def test_answers_as_on_the_host(system, module):
    answered = client.predict(module.answer, QUESTIONS)
    assert len(answered) == len(QUESTIONS)
    for question, answers in zip(QUESTIONS, answered, strict=True):
        expected = _expected_answers(system, question)
        np.testing.assert_allclose([a.score for a in answers], [e[0] for e in expected], rtol=1e-4)
        assert [(a.text, a.block_id) for a in answers] == [
            (text, int(system.table.block_ids[row])) for _, row, text in expected
        ]


def test_answers_cite_their_block(system, module):
    for answers in client.predict(module.answer, QUESTIONS):
        for answer in answers:
            row = system.table.block_ids.tolist().index(answer.block_id)
            assert answer.doc_id == system.table.doc_id(row)
            assert answer.title == system.table.title(row)
            assert answer.block_text == system.table.text(row)
            cut = answer.block_text.encode()[answer.byte_start : answer.byte_limit]
            assert cut.decode() == answer.text


def test_retrieves_as_on_the_host(system, module):
    found = module.retrieve(tf.constant(QUESTIONS))
    for i, question in enumerate(QUESTIONS):
        rows, scores, _ = _search(system, question)
        np.testing.assert_allclose(found["score"][i], scores, rtol=1e-4)
        ids = [int(block_id) for block_id in found["block_id"][i].numpy()]
        assert ids == system.table.block_ids[rows].tolist()
        texts = [text.decode() for text in found["block_text"][i].numpy()]
        assert texts == [system.table.text(row) for row in rows.tolist()]


def test_batch_size_does_not_matter(module):
    together = client.predict(module.answer, QUESTIONS, batch_size=8)
    alone = client.predict(module.answer, QUESTIONS, batch_size=1)
    assert [[a.text for a in answers] for answers in together] == [
        [a.text for a in answers] for answers in alone
    ]


def test_no_questions(module):
    assert module.answer(tf.constant([], tf.string))["answer"].shape == [0, 5]
    assert client.predict(module.answer, []) == []


def test_fewer_blocks_than_are_read(tmp_path):
    system = tiny_system.make(str(tmp_path), [("", "Ab."), ("", "Ab. AB.")], num_read=5)
    module = signatures.QaModule(**system._asdict(), num_answers=20)
    outputs = module.answer(tf.constant(["what?"]))
    # Of the few spans that there are, some repeat others: "ab" and "ab." are one answer.
    scores = outputs["score"][0].numpy()
    is_answer = scores > spans.NO_ANSWER
    assert 0 < is_answer.sum() < 20
    assert (outputs["answer"][0].numpy()[~is_answer] == b"").all()
    assert (outputs["block_id"][0].numpy()[~is_answer] == b"").all()
    assert len(client.predict(module.answer, ["what?"])[0]) == is_answer.sum()
    assert module.retrieve(tf.constant(["what?"]))["score"].shape == [1, 2]


def test_corpus_without_a_wordpiece_has_no_answer(tmp_path):
    system = tiny_system.make(str(tmp_path), [("", "\u200b")])
    module = signatures.QaModule(**system._asdict())
    assert client.predict(module.answer, ["what?"]) == [[]]


def test_query_tower_computes_in_the_embedders_dtype(system):
    # The tower that made the vectors may be bfloat16: then so is that of the queries.
    section = dataclasses.replace(system.config.retrieval, embed_dtype="bfloat16")
    config = dataclasses.replace(system.config, retrieval=section)
    module = signatures.QaModule(**system._replace(config=config)._asdict())
    assert any(variable.dtype == tf.bfloat16 for variable in module.variables)
    found = module.retrieve(tf.constant(QUESTIONS))["score"].numpy()
    for scores, question in zip(found, QUESTIONS, strict=True):
        expected = _search(system, question)[1]
        np.testing.assert_allclose(scores, expected, atol=0.05 * np.abs(expected).max())
        assert not np.allclose(scores, expected, rtol=1e-6)


def test_training_layers_stay_behind(module, system):
    # What answers are the lean graphs, over copies of the weights.
    assert not {id(v) for v in module.variables} & {id(v) for v in system.model.variables}
    assert not any(isinstance(m, tf_keras.layers.Layer) for m in module.submodules)


def test_refuses_another_tokenizer(system):
    other = system._replace(tokenizer=tiny_system.make_tokenizer("another"))
    with pytest.raises(types.UserError, match=r"tokenizer and the blocks .*blocks-.*do not belong"):
        signatures.QaModule(**other._asdict())


def test_refuses_vectors_of_other_blocks(system, tmp_path):
    vectors = tiny_system.make_vectors(str(tmp_path), system.table, blocks="0" * 64)
    other = system._replace(vectors=vectors)
    with pytest.raises(
        types.UserError, match=r"the blocks .*blocks-.*vectors.*their blocks differ"
    ):
        signatures.QaModule(**other._asdict())


def test_refuses_vectors_of_another_size(system, tmp_path):
    vectors = tiny_system.make_vectors(str(tmp_path), system.table, dim=12)
    with pytest.raises(types.UserError, match=r"model and.*vectors.*8 and 12"):
        signatures.QaModule(**system._replace(vectors=vectors)._asdict())


def test_vectors_without_projection_have_the_encoders_size(system, tmp_path):
    section = dataclasses.replace(system.config.model.embedder, projection_size=None)
    model_config = dataclasses.replace(system.config.model, embedder=section)
    model = open_qa_model.OpenQaModel(model_config, system.tokenizer.vocab_size).build_weights()
    vectors = tiny_system.make_vectors(str(tmp_path), system.table, dim=16)
    changed = system._replace(model=model, vectors=vectors)
    module = signatures.QaModule(**changed._asdict())
    assert np.isfinite(module.retrieve(tf.constant(["what?"]))["score"]).all()
    with pytest.raises(types.UserError, match=r"model and.*vectors.*16 and 8"):
        signatures.QaModule(**changed._replace(vectors=system.vectors)._asdict())
