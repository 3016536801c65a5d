# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Questions as data sets are handed out: one file of each form, and what is none."""

import gzip
import json

import pytest

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.data.questions import questions

SQUAD = {
    "version": "v2.0",
    "data": [
        {
            "title": "Ohrid",
            "paragraphs": [
                {
                    "context": "Lake Ohrid lies between North Macedonia and Albania.",
                    "qas": [
                        {
                            "id": "a1",
                            "question": "Where is Lake Ohrid?",
                            "answers": [
                                {"text": "Albania", "answer_start": 44},
                                {"text": "Albania", "answer_start": 44},
                                {"text": "North Macedonia", "answer_start": 24},
                            ],
                        },
                        {"id": "a2", "question": "Who?", "answers": [], "is_impossible": True},
                    ],
                }
            ],
        }
    ],
}
WEBQUESTIONS = [
    {
        "url": "http://example.org",
        "utterance": "what does jamaican people speak?",
        "targetValue": '(list (description "Jamaican \\"Creole\\" (E)") (description Patois))',
    }
]
DPR_JSON = [
    {
        "question": "who is he",
        "answers": ["Ann Moor"],
        "positive_ctxs": [{"title": "T", "passage_id": "17"}, {"title": "T", "psg_id": 18}],
        "hard_negative_ctxs": [{"title": "T", "passage_id": "19"}],
    }
]


def _read(path, fmt, **settings):
    return questions.read(str(path), config_lib.QuestionsConfig(format=fmt, **settings))


@pytest.mark.parametrize(
    ("fmt", "content", "expected"),
    [
        ("squad", SQUAD,
         questions.Question("a1", "Where is Lake Ohrid?", ("Albania", "North Macedonia"))),
        ("webquestions", WEBQUESTIONS,
         questions.Question("1", "what does jamaican people speak?",
                            ('Jamaican "Creole" (E)', "Patois"))),
        ("dpr_json", DPR_JSON,
         questions.Question("1", "who is he", ("Ann Moor",), ("17", "18"))),
    ],
)  # fmt: skip
def test_files_that_are_one_value(tmp_path, caplog, fmt, content, expected):
    path = tmp_path / "questions.json.gz"
    path.write_bytes(gzip.compress(json.dumps(content, indent=1).encode()))
    assert _read(path, fmt) == [expected]
    left_out = ["1 questions of SQuAD have no answer and are left out"]
    assert caplog.messages == (left_out if fmt == "squad" else [])


def test_lines_of_dpr_and_no_others(tmp_path):
    path = tmp_path / "qa.csv"
    path.write_text("who is he\t['Ann Moor', \"O'Neil\"]\n")
    assert _read(path, "dpr_tsv")[0].answers == ("Ann Moor", "O'Neil")
    path.write_text("who is he\t['Ann Moor']\n" + json.dumps({"question": "a", "answer": "b"}))
    with pytest.raises(types.UserError, match=r"qa\.csv:2: no line of DPR's"):
        _read(path, "dpr_tsv")


def test_nq_open_and_curated_trec_are_json_lines(tmp_path):
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps({"question": "when", "answer": ["14 December 1972 UTC", "1972"]}))
    assert _read(path, "jsonl")[0].answers == ("14 December 1972 UTC", "1972")
    path.write_text(json.dumps({"question": "How tall?", "answer": [r"20,?320\s?feet"]}))
    (question,) = _read(path, "jsonl", answers_are_patterns=True)
    assert question.is_regex


@pytest.mark.parametrize(
    ("fmt", "content", "message"),
    [
        ("squad", [], r"what follows question 0 is not as questions\.format squad has it"),
        ("webquestions", [*WEBQUESTIONS, {"question": "a"}], "question 1 .*targetValue"),
        ("dpr_json", [*DPR_JSON, {"question": "a"}], "what follows question 1 .*answers"),
        ("dpr_json", [*DPR_JSON, {"question": "", "answers": ["a"]}],
         r"\.json: question 2: The question is empty"),
        ("webquestions", [], "holds no question: is it such a file"),
        ("squad", {"data": 2 * SQUAD["data"]},
         r"question 2: The question id 'a1' is already taken by question 1\."),
    ],
)  # fmt: skip
def test_other_contents_are_refused(tmp_path, fmt, content, message):
    path = tmp_path / "questions.json"
    path.write_text(json.dumps(content))
    with pytest.raises(types.UserError, match=message):
        _read(path, fmt)


def test_what_is_no_json(tmp_path):
    path = tmp_path / "questions.json"
    path.write_text('{"question": "a"}\n{"question": "b"}\n')
    with pytest.raises(types.UserError, match=r"is not one JSON value, as questions\.format squad"):
        _read(path, "squad")
