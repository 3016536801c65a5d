# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Fine-tuning: search with current weights, the loss by hand, and what is trained."""

import dataclasses
import os

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import config as config_lib
from realm_tf.data.questions import gold_rows, question_batches, supervision
from realm_tf.data.questions import questions as questions_lib
from realm_tf.models import losses, reader, weights
from realm_tf.retrieval import reading, vectors
from realm_tf.training.engine import loop, workers
from realm_tf.training.experiments import open_qa, open_qa_training
from realm_tf.training.run import system as system_lib
from tests.models import tiny
from tests.training import runs

QUESTIONS = [
    questions_lib.Question("1", "the lake of warsaw", ("ohrid",)),
    questions_lib.Question("2", "in the river", ("1921", "café")),
    questions_lib.Question("3", "war of the rivers", ("zebra",)),  # nowhere
]


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    return runs.make_context(tmp_path_factory.mktemp("open_qa"))


@pytest.fixture(scope="module")
def start(context):
    return runs.random_system(context)


@pytest.fixture(scope="module")
def task(context, start):
    return open_qa.Parts(context, start, runs.answer_rows(context, QUESTIONS)).task(QUESTIONS)


def _model(context, start, *, randomised=True):
    vocab_size = context.tokenizer.vocab_size
    model = system_lib.open_qa_model(context.config.model, vocab_size, start)
    if randomised:
        tiny.randomise(model)
    return model


def _batch(context):
    batches = question_batches.QuestionBatches(
        QUESTIONS, context.tokenizer, context.config.open_qa, seed=0
    )
    return batches.pack(np.arange(3))


def test_model_starts_from_the_systems_weights(context, start):
    model = _model(context, start, randomised=False)
    vocab_size = context.tokenizer.vocab_size
    knowledge = reader.KnowledgeAugmentedEncoder(context.config.model.reader, vocab_size)
    weights.restore(knowledge.build_weights(), start.reader_weights)
    pairs = [(model.reader.encoder, knowledge.encoder)]
    realm = system_lib.realm_model(
        context.config.model, vocab_size, start.embedder_weights, start.reader_weights
    )
    pairs.append((model.query_tower, realm.embedder.query_tower))
    for made, source in pairs:
        for left, right in zip(made.get_weights(), source.get_weights(), strict=True):
            np.testing.assert_array_equal(left, right)


def test_prepare_searches_with_the_current_weights(context, start, task):
    table = vectors.VectorTable.open(start.snapshot.segment("vectors"))
    every = table.gather(np.arange(len(context.knowledge)))
    model, found = _model(context, start), []
    for seed in (1, 2):
        tiny.randomise(model.query_tower, seed=seed)
        batch = task.prepare(_batch(context), model)
        query = model.embed(batch.question).numpy()
        best = np.sort(query @ every.T, axis=1)[:, ::-1][:, :6]
        scores = np.einsum("bd,bsd->bs", query, batch.block_emb)
        np.testing.assert_allclose(scores, best, rtol=1e-4, atol=1e-4)
        assert batch.retrieved_mask.all()
        found.append(batch.block_emb)
    assert np.abs(found[0] - found[1]).max() > 0


def test_workers_take_the_answers_of_their_questions(context):
    batch = _batch(context)
    parts = [workers.Worker(index, 3).part(batch) for index in range(3)]
    assert [part.question_index.tolist() for part in parts] == [[0], [1], [2]]
    for part, answers in zip(parts, batch.answer_ids, strict=True):
        assert len(part.answer_ids) == 1
        for left, right in zip(part.answer_ids[0], answers, strict=True):
            np.testing.assert_array_equal(left, right)
    assert sum(len(answers) for answers in batch.answer_ids) > 0


def test_device_inputs_hold_no_text_and_no_rows(context, start, task):
    batch = task.prepare(_batch(context), _model(context, start))
    assert all(tf.convert_to_tensor(x).dtype != tf.string for x in tf.nest.flatten(batch))


def _share(logits, correct):
    e = np.exp(logits.astype(np.float64))
    return e[correct.astype(bool)].sum() / e.sum()


def test_loss_by_hand(context, start, task):
    model = _model(context, start)
    batch = task.prepare(_batch(context), model)
    loss, sums = task.loss_and_sums(batch, model, training=False, across=losses.LOCAL)
    retriever, spans = (
        x.numpy()
        for x in model(open_qa.model_lib.OpenQaInputs(batch.question, batch.joint, batch.block_emb))
    )
    expected, zeroed, hits = 0.0, [0, 0], 0
    for b in range(3):
        has_answer = batch.retrieved_has_answer[b]
        logits, right = [], []
        for z, i, w in np.ndindex(spans.shape[1:]):
            body = batch.body_mask[b, z]
            if i + w < len(body) and body[i] and body[i + w]:
                logits.append(spans[b, z, i, w] + retriever[b, z])
                answers = (batch.answer_starts, batch.answer_ends, batch.answer_mask)
                places = zip(*(x[b, z] for x in answers), strict=True)
                right.append((i, i + w, 1) in [tuple(map(int, place)) for place in places])
        for kind, (values, correct) in enumerate(
            [(retriever[b], has_answer), (np.array(logits), np.array(right))]
        ):
            if correct.any():
                expected -= np.log(_share(values, correct)) / 3
            else:
                zeroed[kind] += 1
        hits += right[int(np.argmax(logits))]
    np.testing.assert_allclose(loss, expected, rtol=1e-4)
    assert zeroed[0] >= 1  # the zebra
    assert [float(sums[f"{n}_zeroed"][0]) for n in ("retriever", "reader")] == zeroed
    assert float(sums["answer_accuracy"][0]) == hits


def test_disagreements_of_rule_and_reader_are_counted(context, start, task):
    model = _model(context, start)
    batch = task.prepare(_batch(context), model)
    has_answer = np.array([[1, 1, 1, 0, 0, 0], [0, 0, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0]], np.int32)
    spans = np.array([[1, 0], [1, 1], [0, 0]], np.int32)  # of the two blocks that are read
    batch = batch._replace(
        retrieved_has_answer=has_answer,
        answer_mask=np.repeat(spans[:, :, np.newaxis], 3, axis=2),
    )
    _, sums = task.loss_and_sums(batch, model, training=False, across=losses.LOCAL)
    assert [float(x) for x in sums["answer_without_span"]] == [2, 6]
    assert [float(x) for x in sums["span_without_answer"]] == [2, 6]


def test_search_is_clamped_to_the_corpus(context, start):
    every = len(context.knowledge)
    wide = runs.make_config(f"open_qa.num_searched={every + 50}")
    found = open_qa.index_lib.Index.open(
        start.snapshot.segment("index"),
        vectors.VectorTable.open(start.snapshot.segment("vectors")),
    ).search(np.ones((1, 8), np.float32), wide.open_qa.num_searched)
    batch = question_batches.read_inputs(
        context.knowledge,
        context.tokenizer,
        wide.open_qa,
        QUESTIONS,
        runs.answer_rows(context, QUESTIONS),
        question_batches.QuestionBatch(tiny.inputs(1, 6), np.arange(1), [[]]),
        found,
        np.zeros((1, every, 8), np.float32),
        max_span_width=4,
    )
    assert sorted(found.rows[0].tolist()) == list(range(every))
    assert batch.retrieved_mask.tolist() == [[1] * every]


def test_training_moves_the_query_tower_and_the_reader(context, start, monkeypatch):
    answers = runs.find_answers(context, QUESTIONS)
    fit, in_use = loop.fit, []

    def watched(run):
        in_use.extend(reading.in_use(start.snapshot.directory))
        return fit(run)

    monkeypatch.setattr(loop, "fit", watched)
    made = open_qa_training.train(context, start, QUESTIONS, answers)
    assert in_use == [(0, 0)]
    assert reading.in_use(start.snapshot.directory) == {}
    assert made.made_from["questions"] == answers.made_from["questions"]
    assert (made.counts["steps"], made.counts["questions"]) == (3, 3)
    trained, untrained = (
        open_qa_training.restore(context, made),
        _model(context, start, randomised=False),
    )
    for part in ("query_tower", "reader"):
        pairs = zip(
            getattr(trained, part).get_weights(),
            getattr(untrained, part).get_weights(),
            strict=True,
        )
        assert any(not np.array_equal(a, b) for a, b in pairs), part
    before = os.stat(made.file("segment.json")).st_mtime_ns
    assert open_qa_training.train(context, start, QUESTIONS, answers) == made
    assert os.stat(made.file("segment.json")).st_mtime_ns == before


def _supervised(context, **settings):
    taught = config_lib.SupervisionConfig(**settings)
    open_qa_config = dataclasses.replace(context.config.open_qa, supervision=taught)
    config = dataclasses.replace(context.config, open_qa=open_qa_config)
    return dataclasses.replace(context, config=config)


def _named(context):
    """The questions, each with a document of the corpus that it names, but for the last."""
    table = context.knowledge
    named = [
        dataclasses.replace(q, doc_ids=(table.doc_id(5 * i),)) for i, q in enumerate(QUESTIONS)
    ]
    return [*named[:-1], QUESTIONS[-1]]


def test_supervision_is_of_training_alone(context, start):
    taught = _supervised(context, bm25_blocks=2, read="both", passages="both")
    questions, table = _named(context), context.knowledge
    answers, words = runs.answer_rows(context, questions), runs.word_ranks(context, questions, 2)
    parts, model = open_qa.Parts(taught, start, answers, words), _model(context, start)
    plain, _ = parts.task(questions).find(_batch(context), model)
    rows, batch = parts.training_task(questions).find(_batch(context), model)
    gold = gold_rows.GoldRows(table, answers)
    source = supervision.Supervision(taught.config.open_qa, word_ranks=words, gold_rows=gold)
    np.testing.assert_array_equal(rows, source.mixed(questions, plain))
    assert (rows != plain).any()
    block_vectors = vectors.VectorTable.open(start.snapshot.segment("vectors"))
    np.testing.assert_array_equal(batch.block_emb, block_vectors.gather(rows))
    for place, question in enumerate(questions[:-1]):
        right = rows[place][batch.retrieved_has_answer[place] > 0]
        assert set(right.tolist()) == set(gold.of(question).tolist())
    assert not batch.retrieved_has_answer[-1].any()  # it names nothing, and its answer is nowhere
    bodies = list(table.take("token_ids", rows[:, 0]).rows())
    for place in range(len(questions)):
        body = batch.joint.word_ids[place, 0][batch.body_mask[place, 0] > 0]
        np.testing.assert_array_equal(body, bodies[place][: len(body)])


def test_supervision_names_the_weights_and_its_absence_does_not(context, start):
    questions = _named(context)
    answers, words = (
        runs.find_answers(context, questions),
        runs.rank_words(context, questions, depth=2),
    )
    plain = open_qa_training.train(context, start, questions, answers)
    assert "supervision" not in plain.settings["open_qa"]  # weights of before stay what they are
    taught = _supervised(context, bm25_blocks=2, passages="both")
    made = open_qa_training.train(taught, start, questions, answers, words)
    assert made.settings["open_qa"]["supervision"]["bm25_blocks"] == 2
    assert made.made_from["word_ranks"] == words.fingerprint
    assert made.counts["questions"] == 3
