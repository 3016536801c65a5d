# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Predictions come back as they were written."""

import json
import os

import pytest

from realm_tf import types
from realm_tf.data.questions import questions
from realm_tf.evaluation import predictions
from tests.evaluation import given

TEXT = "Zürich liegt an der Limmat."
ANSWER = given.answer(
    "Limmat",
    block_id=2**64 - 1,
    doc_id="zh",
    title="Zürich",
    block_text=TEXT,
    byte_start=21,
    byte_limit=27,
    metadata='{"year": 1}',
)
QUESTIONS = [
    questions.Question("1", "Which river?", ("limmat", "Sihl"), ("zh",)),
    questions.Question("2", "Which town?", (r"Z.rich",), is_regex=True),
]
MADE = [
    predictions.Prediction(QUESTIONS[0], (ANSWER,), given.evidence(gold_rank=3)),
    predictions.Prediction(QUESTIONS[1], ()),
]


def test_what_is_written_is_read(tmp_path):
    path = str(tmp_path / "predictions.jsonl")
    predictions.write(path, MADE)
    found = predictions.read(path)
    assert found == MADE
    assert [p.correct for p in found] == [True, False]


def test_lines_can_be_read_as_questions(tmp_path):
    path = str(tmp_path / "predictions.jsonl")
    predictions.write(path, MADE)
    assert questions.read(path) == QUESTIONS


def test_every_answer_says_whether_it_is_right(tmp_path):
    path = tmp_path / "predictions.jsonl"
    wrong = given.answer("Rhein")
    predictions.write(str(path), [predictions.Prediction(QUESTIONS[0], (wrong, ANSWER))])
    record = json.loads(path.read_text(encoding="utf-8"))
    assert not record["correct"]
    assert [p["correct"] for p in record["predictions"]] == [False, True]
    second = record["predictions"][1]
    evidence = second["block_text"].encode()
    assert evidence[second["byte_start"] : second["byte_limit"]].decode() == second["text"]


def test_nothing_is_half_written(tmp_path):
    path = str(tmp_path / "predictions.jsonl")
    with pytest.raises(AttributeError):
        predictions.write(path, [MADE[0], None])
    assert not os.listdir(tmp_path)


def test_predictions_without_evidence_are_read(tmp_path):
    path = tmp_path / "predictions.jsonl"
    predictions.write(str(path), MADE)
    record = json.loads(path.read_text(encoding="utf-8").splitlines()[0])
    assert record["evidence"]["blocks"][0]["block_id"] == str(2**64 - 1)  # above 2^53
    del record["evidence"]
    path.write_text(json.dumps(record) + "\n")
    assert predictions.read(str(path))[0].evidence is None


def test_files_of_a_run(tmp_path):
    for system in ("ict", "realm"):
        predictions.write(str(tmp_path / predictions.file_name(system)), MADE)
    (tmp_path / "report.json").write_text("{}")
    found = predictions.files(str(tmp_path))
    assert found == {name: str(tmp_path / f"predictions_{name}.jsonl") for name in ("ict", "realm")}


@pytest.mark.parametrize("line", ["{", "[]", '{"id": "1"}'])
def test_damaged_lines_are_named(tmp_path, line):
    path = tmp_path / "predictions.jsonl"
    predictions.write(str(path), MADE)
    with path.open("a", encoding="utf-8") as f:
        f.write(line)
    with pytest.raises(types.UserError, match=r"predictions\.jsonl:3 is not a prediction"):
        predictions.read(str(path))


def test_missing_file(tmp_path):
    with pytest.raises(types.UserError, match="No such file of predictions"):
        predictions.read(str(tmp_path / "none.jsonl"))
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(types.UserError, match="holds no prediction"):
        predictions.read(str(tmp_path / "empty.jsonl"))
