# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Exact match and F1 are those of Model Garden's copy of SQuAD's official scorer."""

import pathlib
import string

import hypothesis
import numpy as np
from hypothesis import strategies
from official.nlp.tools import squad_evaluate_v1_1

from realm_tf.data.questions import questions as questions_lib
from realm_tf.evaluation import scores
from realm_tf.text import answer_matching
from tests.evaluation import given

_SAMPLE = pathlib.Path(questions_lib.__file__).parents[1] / "sample"
_PIECES = ("the", "a", "An", "Nile", "nile", "Zürich", "1,5", "U.S.", "co-op", "it's", "«no»", "–")


def _official(predictions):
    asked = [
        {
            "id": p.question.question_id,
            "answers": [{"text": answer} for answer in p.question.answers],
        }
        for p in predictions
    ]
    given_answers = {p.question.question_id: p.ranked[0].text for p in predictions if p.ranked}
    return squad_evaluate_v1_1.evaluate([{"paragraphs": [{"qas": asked}]}], given_answers)


def _assert_same(predictions):
    official, ours = _official(predictions), scores.score(predictions)
    assert ours["exact_match"] == official["exact_match"]
    np.testing.assert_allclose(ours["f1"], official["final_f1"], rtol=1e-12)
    return official


def _spoilt(answer, other, number):
    """What a system might give in place of an answer."""
    forms = (answer, f"The {answer.upper()}!", f"{answer} {other}", other, f" {answer[:-1]} ")
    return forms[number % len(forms)]


def test_on_the_questions_of_the_sample():
    asked = questions_lib.read(str(_SAMPLE / "questions_dev.jsonl.gz"))
    others = [question.answers[0] for question in (*asked[7:], *asked[:7])]
    predictions = [
        given.prediction(question, _spoilt(question.answers[-1], other, number))
        for number, (question, other) in enumerate(zip(asked, others, strict=True))
    ]
    predictions[3] = given.prediction(asked[3])  # unanswered
    official = _assert_same(predictions)
    assert 0.3 < official["exact_match"] < official["final_f1"] < 0.9


_TEXTS = strategies.one_of(
    strategies.text(string.printable, max_size=20),
    strategies.lists(strategies.sampled_from(_PIECES), max_size=4).map(" ".join),
)


@hypothesis.given(_TEXTS, strategies.lists(_TEXTS, min_size=1, max_size=3))
@hypothesis.settings(max_examples=500, deadline=None)
def test_on_any_text_that_says_something(prediction, answers):
    """Ours differ on purpose where normalising leaves nothing: such an answer is none."""
    hypothesis.assume(all(answer_matching.normalize(text) for text in (prediction, *answers)))
    question = questions_lib.Question("q", "What?", tuple(answers))
    made = given.prediction(question, prediction)
    official = _official([made])
    assert made.correct == official["exact_match"]
    assert abs(answer_matching.f1(prediction, answers) - official["final_f1"]) < 1e-12
