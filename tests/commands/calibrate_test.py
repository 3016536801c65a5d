# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Calibration asks with and without the documents, and fits on one half of the questions."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import config as config_lib
from realm_tf.commands import calibrate
from realm_tf.data.questions import questions as open_qa
from realm_tf.evaluation import calibration
from realm_tf.retrieval import bm25, fusion
from realm_tf.training.run import system as system_lib
from serving import requests
from tests.training import runs

NUM_READ = 3


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    config = runs.make_config(f"open_qa.num_read={NUM_READ}")
    return runs.make_context(tmp_path_factory.mktemp("run"), config)


@pytest.fixture(scope="module")
def system(context):
    return runs.random_system(context)


@pytest.fixture(scope="module")
def model(context, system):
    vocab_size = context.tokenizer.vocab_size
    return system_lib.open_qa_model(context.config.model, vocab_size, system)


@pytest.fixture(scope="module")
def module(context, system, model):
    return runs.qa_module(context, system, model)


@pytest.fixture(scope="module")
def questions(context):
    """One about every block, answered by its first word."""
    table = context.knowledge
    return [
        open_qa.Question(str(row), table.text(row), (table.text(row).split()[0],), (doc_id,))
        for row, doc_id in ((row, table.doc_id(row)) for row in range(len(table)))
    ]


def test_documents_are_left_out_and_the_next_blocks_read(context, module, questions):
    table, asked = context.knowledge, questions[:6]
    texts = tf.constant([question.question for question in asked])
    every = tf.fill([len(asked)], len(table))
    rows, scores = (x.numpy() for x in module.search(texts, every))
    batches = list(calibrate._ask(module, table, asked, NUM_READ))
    assert [batch.is_absent for batch in batches] == [False, True]
    for batch in batches:
        for i, question in enumerate(batch.questions):
            docs = question.doc_ids if batch.is_absent else ()
            kept = [j for j, row in enumerate(rows[i]) if table.doc_id(row) not in docs][:NUM_READ]
            np.testing.assert_allclose(batch.scores[i], scores[i][kept], rtol=1e-5)


def test_of_a_fusion_the_next_blocks_move_up(context, system, model, questions):
    config = config_lib.override(context.config, ["retrieval.fusion.serve=true"])
    serving = dataclasses.replace(context, config=config)
    module = runs.qa_module(serving, system, model)
    table, asked = serving.knowledge, questions[:6]
    present, absent = calibrate._ask(module, table, asked, NUM_READ)
    words = bm25.of_table(table, config.retrieval.fusion, config.blocks.template)
    by_words = words.search([q.question for q in asked], len(table)).rows
    texts, every = tf.constant([q.question for q in asked]), tf.fill([len(asked)], len(table))
    by_vectors = module.retriever.search_by_vectors(texts, every)[0].numpy()
    docs = np.array([table.doc_id(row) for row in range(len(table))])
    for i, question in enumerate(asked):
        for batch, hidden in ((present, ()), (absent, question.doc_ids)):
            rankings = [
                ranking[i][(ranking[i] >= 0) & ~np.isin(docs[ranking[i]], hidden)][np.newaxis]
                for ranking in (by_words, by_vectors)
            ]
            expected = fusion.fuse(rankings, NUM_READ, config.retrieval.fusion)
            np.testing.assert_allclose(batch.scores[i], np.log(expected.scores[0]), rtol=1e-5)


def test_where_all_documents_are_left_out_nothing_is_read(context, module, questions):
    table = context.knowledge
    docs = tuple({table.doc_id(row) for row in range(len(table))})
    asked = [dataclasses.replace(questions[0], doc_ids=docs)]
    _, absent = calibrate._ask(module, table, asked, NUM_READ)
    assert (absent.scores.numpy() == np.float32(requests.NO_BLOCK)).all()


def test_fit_is_of_one_half_and_judged_on_the_other(context, module, questions, monkeypatch):
    seen = {}
    fit = calibration.fit_logistic

    def watched(features, labels):
        seen["fitted"] = len(labels)
        assert labels.mean() == 0.5  # each question with its document, and without
        return fit(features, labels)

    figures = calibration.figures

    def judged(probabilities, correct, absent, is_absent):
        seen["judged"] = len(absent)
        assert len(probabilities) == len(absent) / 2
        return figures(probabilities, correct, absent, is_absent)

    monkeypatch.setattr(calibration, "fit_logistic", watched)
    monkeypatch.setattr(calibration, "figures", judged)
    many = [
        open_qa.Question(f"{copy}-{q.question_id}", q.question, q.answers, q.doc_ids)
        for copy in range(-(-100 // len(questions)))
        for q in questions
    ]
    made, found = calibrate.fit(module, context.knowledge, many, NUM_READ)
    assert seen["fitted"] + seen["judged"] == 2 * len(many)
    assert 0 not in seen.values()
    assert made.temperature in calibration.TEMPERATURES
    assert made.weights != calibration.Calibration().weights
    # The blocks of other documents are alike to a random embedder, but not the question's own.
    assert 0 <= found["no_evidence_auroc"] <= 1
    assert sum(b["count"] for b in found["diagrams"]["no_evidence"]) == seen["judged"]


def test_few_questions_are_not_fitted(context, module, questions, caplog):
    made, _ = calibrate.fit(module, context.knowledge, questions[:8], NUM_READ)
    assert made == calibration.Calibration()
    assert "dev questions that name their documents are there to fit on, and 20" in caplog.text


def test_questions_without_documents_give_a_temperature_alone(context, module, questions):
    many = [
        open_qa.Question(str(n), f"{q.question} {n}", q.answers)
        for n, q in enumerate(questions * (-(-100 // len(questions))))
    ]
    made, found = calibrate.fit(module, context.knowledge, many, NUM_READ)
    assert made.weights == calibration.Calibration().weights
    assert np.isnan(found["no_evidence_auroc"])
    assert 0 < found["answer_calibration_error"] <= 1
