# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Predictions in the format of ORQA."""

import json

import pytest

from realm_tf import types
from realm_tf.data.questions import questions as questions_lib
from realm_tf.evaluation import orqa_predictions, predictions, scores
from tests.evaluation import given

QUESTIONS = [
    questions_lib.Question("1", "Which river?", ("limmat", "Sihl"), ("zh",)),
    questions_lib.Question("2", "Which town?", (r"Z.rich",), is_regex=True),
    questions_lib.Question("3", "Which lake?", ("Ohrid",)),
]
MADE = [
    given.prediction(QUESTIONS[0], "Sihl.", "Limmat"),
    given.prediction(QUESTIONS[1], "Zürich"),
    given.prediction(QUESTIONS[2]),
]


def test_what_is_written_scores_the_same(tmp_path):
    path = str(tmp_path / "orqa.jsonl")
    orqa_predictions.write(path, MADE)
    with open(path, encoding="utf-8") as f:
        assert [json.loads(line) for line in f] == [
            {"question": "Which river?", "prediction": "Sihl."},
            {"question": "Which town?", "prediction": "Zürich"},
            {"question": "Which lake?", "prediction": ""},
        ]
    found, missing = orqa_predictions.read(path, QUESTIONS)
    assert missing == 0
    again, first = scores.score(found), scores.score(MADE)
    for name in ("exact_match", "f1", "regex_match"):
        assert again[name] == first[name]


def test_a_question_without_prediction_is_wrong(tmp_path):
    path = str(tmp_path / "orqa.jsonl")
    other = questions_lib.Question("9", "Which sea?", ("x",))
    orqa_predictions.write(path, [MADE[0], given.prediction(other, "x")])
    found, missing = orqa_predictions.read(path, QUESTIONS)
    assert missing == 2
    assert [p.correct for p in found] == [True, False, False]
    assert scores.score(found)["exact_match"] == pytest.approx(1 / 3)


def test_formats_are_told_apart(tmp_path):
    path = str(tmp_path / "ours.jsonl")
    predictions.write(path, MADE)
    assert not orqa_predictions.is_one(predictions.records(path)[0][1])
    assert orqa_predictions.is_one({"question": "a", "prediction": "b"})


def test_refusals(tmp_path):
    path = tmp_path / "orqa.jsonl"
    path.write_text('{"question": "a", "prediction": "b"}\n{"question": "a"}\n')
    with pytest.raises(types.UserError, match=r"orqa\.jsonl:2 is no prediction of ORQA"):
        orqa_predictions.read(str(path), QUESTIONS)
    path.write_text('{"question": "a", "prediction": "b"}\n')
    with pytest.raises(types.UserError, match="answers none of the 3 questions"):
        orqa_predictions.read(str(path), QUESTIONS)
