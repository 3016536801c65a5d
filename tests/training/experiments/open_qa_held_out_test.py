# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Held-out questions: which they are, and that their answers are those of the export."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.data.questions import question_batches
from realm_tf.data.questions import questions as questions_lib
from realm_tf.training.experiments import open_qa, open_qa_held_out, open_qa_training
from realm_tf.training.run import system as system_lib
from tests.models import tiny
from tests.training import runs


def _question(number: int, text="in the river of warsaw", answers=("1921",), doc_ids=()):
    return questions_lib.Question(f"q{number}", f"{text} {number}", answers, doc_ids)


def test_questions_of_one_document_are_on_one_side():
    questions = [_question(n, doc_ids=(f"doc{n % 20}", "another")) for n in range(200)]
    trained, held = open_qa_held_out.split(questions, 0.4)
    assert len(trained) + len(held) == 200
    assert not {q.doc_ids[0] for q in trained} & {q.doc_ids[0] for q in held}
    assert 0.1 < len(held) / 200 < 0.7


def test_questions_without_a_document_are_divided_by_their_text():
    questions = [_question(n) for n in range(2000)]
    trained, held = open_qa_held_out.split(questions, 0.1)
    assert 0.05 < len(held) / 2000 < 0.15
    # Whatever stands around them, and whatever they are called.
    few = [questions_lib.Question("x", q.question, ("a",)) for q in (*held[:5], *trained[:5])]
    assert [q.question for q in open_qa_held_out.split(few, 0.1)[1]] == [
        q.question for q in held[:5]
    ]


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    overrides = ("open_qa.steps=5", "open_qa.checkpoint_every_steps=2")
    return runs.make_context(tmp_path_factory.mktemp("held_out"), runs.make_config(*overrides))


@pytest.fixture(scope="module")
def start(context):
    return runs.random_system(context)


QUESTIONS = [_question(n, text) for n, text in enumerate(["the lake", "war of ohrid", "ohrid"] * 4)]


def test_best_spans_are_those_of_the_export(context, start):
    model = system_lib.open_qa_model(context.config.model, context.tokenizer.vocab_size, start)
    tiny.randomise(model, stddev=0.5)
    batches = question_batches.QuestionBatches(
        QUESTIONS, context.tokenizer, context.config.open_qa, seed=0
    )
    asked = open_qa_held_out.HeldOut(
        QUESTIONS,
        batches,
        open_qa.Parts(context, start, runs.answer_rows(context, QUESTIONS)).task(QUESTIONS),
        context.knowledge,
        batch_size=5,
    )
    module = runs.qa_module(context, start, model)
    texts = tf.constant([q.question for q in QUESTIONS])
    found = module.search(texts, tf.fill(tf.shape(texts), context.config.open_qa.num_read))
    best = module.candidates(texts, *found).text[:, 0]
    expected = [text.decode() for text in best.numpy()]
    assert asked.answers(model) == expected
    assert len(set(expected)) > 1
    shown = asked.examples(model)
    assert [example.predicted[""] for example in shown] == expected[:8]
    assert [example.query for example in shown] == [q.question for q in QUESTIONS[:8]]
    titles = {context.knowledge.title(row) for row in range(len(context.knowledge))}
    for example in shown:
        assert example.expected == "1921"
        assert len(example.retrieved) == context.config.open_qa.num_read
        assert {title for title, _ in example.retrieved} <= titles
        scores = [score for _, score in example.retrieved]
        assert scores == sorted(scores, reverse=True)
    right = [_question(n, answers=(text,)) for n, text in enumerate(expected)]
    wrong = [_question(n, answers=("no such thing",)) for n in range(len(QUESTIONS))]
    asked._questions = right[:6] + wrong[6:]
    np.testing.assert_allclose(asked.exact_match(model), 0.5)


def test_best_checkpoint_is_kept(context, start, monkeypatch):
    figures, seen = iter([0.2, 0.6, 0.4]), []

    def exact_match(self, model):
        seen.append(model.get_weights())
        return next(figures)

    monkeypatch.setattr(open_qa_held_out.HeldOut, "exact_match", exact_match)
    made = open_qa_training.train(context, start, QUESTIONS, runs.find_answers(context, QUESTIONS))
    trained, held = open_qa_held_out.split(QUESTIONS, 0.3)
    assert held
    assert made.counts == {
        "steps": 5,
        "questions": len(trained),
        "kept_step": 4,
        "kept_exact_match": 0.6,
    }
    assert len(seen) == 3
    kept = open_qa_training.restore(context, made).get_weights()
    for left, right in zip(kept, seen[1], strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.slow
def test_last_weights_on_request_and_without_held_out_questions(context, start, caplog):
    last = dataclasses.replace(
        context, config=runs.make_config("open_qa.keep=last", "open_qa.steps=2")
    )
    made = open_qa_training.train(last, start, QUESTIONS, runs.find_answers(context, QUESTIONS))
    assert made.counts == {"steps": 2, "questions": len(QUESTIONS), "kept_step": 2}
    trained, held = open_qa_held_out.split(QUESTIONS, 0.3)
    few = dataclasses.replace(context, config=runs.make_config("open_qa.steps=2"))
    for side in (trained, held):
        made = open_qa_training.train(few, start, side, runs.find_answers(context, side))
        assert made.counts["kept_step"] == 2
        assert made.counts["questions"] == len(side)
    assert caplog.text.count("no checkpoint can be chosen") == 2
