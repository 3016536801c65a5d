# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The graph answers as a plain computation on the host does, span by span."""

import collections
import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.evaluation import calibration
from realm_tf.models import embedder, open_qa_model
from realm_tf.text import packing
from serving import client, reader, requests, signatures, signatures_apart, spans
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


def test_reader_in_bfloat16(system, module):
    evaluation = dataclasses.replace(system.config.evaluation, reader_dtype="bfloat16")
    config = dataclasses.replace(system.config, evaluation=evaluation)
    other = signatures.QaModule(**{**system._asdict(), "config": config})
    expected, found = (m.answer(tf.constant(QUESTIONS[:1])) for m in (module, other))
    # The best span alone: whether two others are one answer can turn on the last bits of a score.
    best, other_best = (result["score"].numpy().max() for result in (expected, found))
    assert 0 < abs(best - other_best) < 0.1 * abs(best)


def _search(system, question):
    """Row numbers and scores of all blocks, best first, and the question's wordpieces."""
    cfg = system.config.open_qa
    ids = system.tokenizer.encode([question])[0].ids[: cfg.query_length - 2]
    packed = packing.pack_queries(types.Ragged.of([ids]), cfg.query_length, system.tokenizer)
    query_emb = system.model.embed(types.EncoderInputs(*map(tf.constant, packed))).numpy()[0]
    scores = system.vectors.load() @ query_emb
    rows = np.argsort(-scores)
    return rows, scores[rows], ids


def _spans(system, question):
    """All spans of the read blocks as (score, reader score, row, byte start, byte limit)."""
    cfg, found = system.config.open_qa, []
    rows, scores, ids = _search(system, question)
    for row, score in zip(rows[: cfg.num_read].tolist(), scores, strict=False):
        body = system.table.token_ids(row)
        joint, start = packing.pack_joint(
            types.Ragged.of([ids]), types.Ragged.of([body]), cfg.reader_length, system.tokenizer
        )
        logits = system.model.reader(types.EncoderInputs(*map(tf.constant, joint))).numpy()[0]
        byte_start = system.table.token_byte_start(row)
        byte_limit = system.table.token_byte_limit(row)
        size = packing.body_limits(joint)[0] - start[0]
        for first in range(size):
            for last in range(first, min(first + logits.shape[1], size)):
                logit = float(logits[start[0] + first, last - first])
                place = int(byte_start[first]), int(byte_limit[last])
                found.append((logit + float(score), logit, row, *place))
    return sorted(found, reverse=True)


def _expected_answers(system, question):
    """The five distinct answers as (probability, score, reader score, row, start, text)."""
    found = _spans(system, question)
    total = np.logaddexp.reduce([span[0] for span in found])
    of_block = collections.Counter()
    candidates = []
    for score, logit, row, start, limit in found:  # the best 32 of every block
        if (of_block.update([row]) or of_block[row]) <= 32:
            text = system.table.text(row).encode()[start:limit].decode()
            key = spans.normalize(text).numpy()
            if key:
                candidates.append((score, logit, row, start, limit, text, key))
    mass = collections.Counter()
    for score, *_, key in candidates:
        mass[key] += np.exp(score - total)
    answers = []
    while candidates and len(answers) < 5:
        best = max(candidates, key=lambda c: (mass[c[-1]], c[0]))
        score, logit, row, start, _, text, key = best
        answers.append((mass[key], score, logit, row, start, text))
        places = [c[2:5] for c in candidates if c[-1] == key]
        candidates = [
            c
            for c in candidates
            if c[-1] != key and not any(r == c[2] and s < c[4] and c[3] < e for r, s, e in places)
        ]
    return answers


def test_answers_as_on_the_host(system, module):
    asked = [question for question in QUESTIONS if question]
    answered = client.predict(module.answer, asked)
    for question, answers in zip(asked, answered, strict=True):
        expected = _expected_answers(system, question)
        assert [(a.text, a.block_id, a.byte_start) for a in answers] == [
            (text, int(system.table.block_ids[row]), start) for *_, row, start, text in expected
        ]
        figures = [(a.probability, a.score, a.reader_score) for a in answers]
        np.testing.assert_allclose(figures, [e[:3] for e in expected], rtol=1e-4)
        for answer in answers:
            whole = answer.retrieval_score + answer.reader_score
            np.testing.assert_allclose(answer.score, whole, rtol=1e-5)


@pytest.mark.parametrize("question", ["", "  \n", "?!", "\U0001f642", "\U0001f642 -", "東京は"])
def test_what_asks_nothing_has_no_answer(module, question):
    outputs = module.answer(tf.constant([question, "Where?"]))
    assert outputs["no_evidence"][0] == 1
    assert not outputs["probability"][0].numpy().any()
    assert (outputs["answer"][0].numpy() == b"").all()
    assert outputs["probability"][1, 0] > 0
    assert client.predict(module.answer, [question]) == [[]]


def test_answers_cite_their_block(system, module):
    for answers in client.predict(module.answer, QUESTIONS):
        for answer in answers:
            row = system.table.block_ids.tolist().index(answer.block_id)
            assert answer.doc_id == system.table.doc_id(row)
            assert answer.title == system.table.title(row)
            assert answer.block_text == system.table.text(row)
            cut = answer.block_text.encode()[answer.byte_start : answer.byte_limit]
            assert cut.decode() == answer.text
            assert answer.block_text[answer.char_start : answer.char_limit] == answer.text


def test_every_question_gets_what_it_wants(module):
    wanted = {"num_read": [1, 3, -5], "num_answers": [2, 7, 10**9]}
    question = [QUESTIONS[0]] * 3
    found = module.answer_as_wanted(
        tf.constant(question), *map(tf.constant, wanted.values()), tf.constant([True, False, False])
    )
    assert found["answer"].shape == [3, requests.MAX_ANSWERS]
    given = [[a for a in row if a] for row in found["answer"].numpy()]
    assert len(given[0]) == 2
    assert len(given[1]) == 7
    assert given[2][:2] == given[0]  # of one block, the least that can be read
    blocks = [set(row) - {b""} for row in found["block_id"].numpy()]
    assert len(blocks[0]) == len(blocks[2]) == 1
    of_one, of_three, _ = found["probability"].numpy()
    assert of_three[0] < of_one[0]  # more blocks have more spans
    assert [set(row) - {b""} for row in found["metadata"].numpy()] == [{b"{}"}, set(), set()]


def test_blocks_per_question(system, module):
    retriever = signatures_apart.RetrieverModule(module.retriever)
    k = [2, 1, 100, 0]
    found = retriever.retrieve(
        tf.constant([QUESTIONS[0], QUESTIONS[2], QUESTIONS[4], " "]),
        tf.constant(k),
        tf.constant([True, False, False, True]),
    )
    sizes = [sum(1 for i in row if i) for row in found["block_id"].numpy()]
    assert sizes == [2, 1, len(system.table), 0]
    assert found["metadata"][0].numpy().tolist()[:3] == [b"{}", b"{}", b""]
    is_there = found["block_id"].numpy() != b""
    assert (found["retrieval_score"].numpy()[~is_there] == requests.NO_BLOCK).all()


def test_embeddings_are_those_of_the_towers(system):
    tower = embedder.Tower(system.config.model.embedder, system.tokenizer.vocab_size)
    zeros = tf.zeros([1, 4], tf.int32)
    tower(types.EncoderInputs(zeros, zeros, zeros))
    module = signatures.QaModule(**system._asdict(), block_tower=tower)
    retriever = signatures_apart.RetrieverModule(module.retriever)
    assert "embed_block" in module.signatures()
    table, length = system.table, system.config.blocks.length
    titles, texts = zip(*tiny_system.TEXTS, strict=True)
    rows = np.argsort([int(table.doc_id(row)[4:]) for row in range(len(table))])
    packed = packing.pack_blocks(
        table.take("title_ids", rows), table.take("token_ids", rows), length, system.tokenizer
    )
    expected = tower(types.EncoderInputs(*map(tf.constant, packed)))
    found = retriever.embed_block(tf.constant(texts), tf.constant(titles))["embedding"]
    np.testing.assert_allclose(found, expected, atol=2e-5)
    _, scores, _ = _search(system, QUESTIONS[0])
    query = retriever.embed_query(tf.constant(QUESTIONS[:1]))["embedding"].numpy()[0]
    products = np.sort(system.vectors.load() @ query)[::-1]
    np.testing.assert_allclose(products, scores, rtol=1e-4, atol=1e-5)


def test_without_a_block_tower_blocks_are_not_embedded(module, tmp_path):
    retriever = signatures_apart.RetrieverModule(module.retriever)
    names = retriever.signatures()
    assert names.keys() == {"serving_default", "retrieve", "embed_query"}
    tf.saved_model.save(retriever, str(tmp_path), signatures=names)  # traces all functions


def test_a_better_calibrated_reader_says_so(system, module):
    flat = calibration.Calibration(4.0, (0.0, 0.0, 0.0, 0.0, 0.0), 2.0)
    other = signatures.QaModule(**system._asdict(), calibration=flat)
    before, after = (
        {name: value.numpy() for name, value in m.answer(tf.constant(QUESTIONS[:1])).items()}
        for m in (module, other)
    )
    np.testing.assert_allclose(after["no_evidence"], 1 / (1 + np.exp(-2.0)), rtol=1e-6)
    assert after["probability"].max() < before["probability"].max()
    scores = np.array([span[0] for span in _spans(system, QUESTIONS[0])])
    place = {round(float(s), 3) for s in scores}
    assert {round(float(s), 3) for s in after["score"][0]} <= place


def test_retrieves_as_on_the_host(system, module):
    asked = [question for question in QUESTIONS if question]
    retriever = signatures_apart.RetrieverModule(module.retriever)
    found = retriever.retrieve_default(tf.constant(asked))
    for i, question in enumerate(asked):
        rows, scores, _ = _search(system, question)
        places = slice(0, len(rows))
        np.testing.assert_allclose(found["retrieval_score"][i, places], scores, rtol=1e-4)
        ids = [int(block_id) for block_id in found["block_id"][i, places].numpy()]
        assert ids == system.table.block_ids[rows].tolist()
        texts = [text.decode() for text in found["block_text"][i, places].numpy()]
        assert texts == [system.table.text(row) for row in rows.tolist()]


def test_batch_size_does_not_matter(module):
    together = client.predict(module.answer, QUESTIONS, batch_size=8)
    alone = client.predict(module.answer, QUESTIONS, batch_size=1)
    assert [[a.text for a in answers] for answers in together] == [
        [a.text for a in answers] for answers in alone
    ]


def test_pairs_that_are_read_together_do_not_matter(system, module, monkeypatch):
    """Pairs are read in the order of their length, one or some at a time."""
    asked = tf.constant(QUESTIONS)
    rows, scores = module.search(asked, tf.fill([len(QUESTIONS)], 3))
    expected = module.candidates(asked, rows, scores)
    for size in (1, 4):
        monkeypatch.setattr(reader, "pairs_at_a_time", lambda *_, n=size: n)
        found = signatures.QaModule(**system._asdict()).candidates(asked, rows, scores)
        np.testing.assert_allclose(found.score, expected.score, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(found.log_mass, expected.log_mass, rtol=1e-5, atol=1e-5)
        is_clear = np.diff(expected.score, axis=1, append=-np.inf) < -1e-3  # of the next one
        is_clear[:, 1:] &= is_clear[:, :-1]  # and of the one before
        assert is_clear.any()
        for name in ("slot", "byte_start", "byte_limit"):
            same = getattr(found, name).numpy() == getattr(expected, name).numpy()
            assert same[is_clear].all()


def test_a_large_reader_reads_few_pairs_at_a_time():
    small = config_lib.EncoderConfig(
        hidden_size=64, num_layers=2, num_heads=4, intermediate_size=256
    )
    base = config_lib.EncoderConfig()
    assert reader.pairs_at_a_time(small, 320) == 64
    assert reader.pairs_at_a_time(base, 320) == 1


def test_pairs_are_ordered_by_the_length_of_their_text():
    texts = tf.constant([["aaa", "a"], ["aa", "aaaa"]])
    pairs = reader.by_length(tf.where([[True, True], [True, False]]), texts)
    assert pairs.numpy().tolist() == [[0, 1], [1, 0], [0, 0]]


def test_no_questions(module):
    assert module.answer(tf.constant([], tf.string))["answer"].shape == [0, 5]
    assert client.predict(module.answer, []) == []


def test_fewer_blocks_than_are_read(tmp_path):
    system = tiny_system.make(str(tmp_path), [("", "Ab."), ("", "Ab. AB.")], num_read=5)
    module = signatures.QaModule(**system._asdict())
    outputs = module.answer(tf.constant(["what?"]))
    # Of the few spans that there are, some repeat others: "ab" and "ab." are one answer.
    is_answer = outputs["score"][0].numpy() > spans.NO_ANSWER
    assert 0 < is_answer.sum() < 5
    assert (outputs["answer"][0].numpy()[~is_answer] == b"").all()
    assert (outputs["block_id"][0].numpy()[~is_answer] == b"").all()
    assert (outputs["probability"][0].numpy() > 0).tolist() == is_answer.tolist()
    assert len(client.predict(module.answer, ["what?"])[0]) == is_answer.sum()


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
    asked = [question for question in QUESTIONS if question]
    k = tf.fill([len(asked)], len(system.table))
    for scores, question in zip(module.search(asked, k)[1].numpy(), asked, strict=True):
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
    assert np.isfinite(module.search(["what?"], [1])[1]).all()
    with pytest.raises(types.UserError, match=r"model and.*vectors.*16 and 8"):
        signatures.QaModule(**changed._replace(vectors=system.vectors)._asdict())
