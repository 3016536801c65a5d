# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Questions are read as they are written, and refused by line."""

import gzip
import json

import pytest

from realm_tf import types
from realm_tf.data.questions import questions

ASKED = {"id": "q1", "question": "Where is Ohrid?", "answers": ["North Macedonia", "Albania"]}


def _write(path, *records):
    lines = (r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) for r in records)
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def _read_one(tmp_path, record):
    (question,) = questions.read(_write(tmp_path / "questions.jsonl", record))
    return question


def test_reads_a_question(tmp_path):
    assert _read_one(tmp_path, ASKED) == questions.Question(
        "q1", "Where is Ohrid?", ("North Macedonia", "Albania")
    )


@pytest.mark.parametrize(
    ("given", "doc_ids"),
    [
        ({"doc_ids": ["a", "b"]}, ("a", "b")),
        ({"doc_id": "a"}, ("a",)),
        ({"paragraph_id": "a"}, ("a",)),
        ({"doc_ids": []}, ()),
        ({"doc_ids": None, "doc_id": "a"}, ("a",)),
    ],
)
def test_documents_come_as_a_list_or_a_text(tmp_path, given, doc_ids):
    assert _read_one(tmp_path, {**ASKED, **given}).doc_ids == doc_ids


@pytest.mark.parametrize("answer", ["Albania", ["Albania"]])
@pytest.mark.parametrize(("key", "is_regex"), [("answer", False), ("answer_regex", True)])
def test_answer_keys(tmp_path, key, is_regex, answer):
    question = _read_one(tmp_path, {"question": "Where?", key: answer})
    assert (question.answers, question.is_regex) == (("Albania",), is_regex)


def test_the_default_id_is_the_line_number(tmp_path):
    record = {"question": "Who?", "answer": "I"}
    path = _write(tmp_path / "questions.jsonl", record, "", record)
    assert [q.question_id for q in questions.read(path)] == ["1", "3"]


def test_reads_gzip(tmp_path):
    path = tmp_path / "questions.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(ASKED).encode() + b"\n"))
    assert [q.question_id for q in questions.read(str(path))] == ["q1"]


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        ("{", "not JSON"),
        ("[1]", "A JSON object is needed. Received: list"),
        ({"answers": ["x"]}, "question is empty"),
        ({"question": "  ", "answers": ["x"]}, "question is empty"),
        ({"question": ["x"], "answers": ["x"]}, "question must be a text"),
        ({"question": "Who?"}, r'"Who\?" has no answer'),
        ({"question": "Who?", "answers": []}, "has no answer"),
        ({"question": "Who?", "answers": [" "]}, "has no answer"),
        ({"question": "Who?", "answers": [1]}, "answers must be a text or a list of texts"),
        ({"question": "Who?", "answer_regex": "(a"}, "not a valid regular expression"),
        ({"id": 5, "question": "Who?", "answer": "I"}, "id must be a text. Received: 5"),
        (ASKED, "'q1' is already taken by line 1"),
    ],
)
def test_errors_name_file_and_line(tmp_path, bad, complaint):
    path = _write(tmp_path / "questions.jsonl", ASKED, bad)
    with pytest.raises(types.UserError, match=complaint) as caught:
        questions.read(path)
    assert str(caught.value).startswith(f"{path}:2: ")


def test_a_line_that_is_not_utf8_is_named(tmp_path):
    path = tmp_path / "questions.jsonl"
    path.write_bytes(b'{"question": "\xff"}\n')
    with pytest.raises(types.UserError, match=r"questions\.jsonl:1: The line is not UTF-8"):
        questions.read(str(path))


def test_missing_damaged_and_empty_files(tmp_path):
    with pytest.raises(types.UserError, match=r"No such file of questions: .*none\.jsonl"):
        questions.read(str(tmp_path / "none.jsonl"))
    (tmp_path / "bad.jsonl.gz").write_bytes(b"not gzip")
    with pytest.raises(types.UserError, match=r"Cannot read the questions in .*bad\.jsonl\.gz"):
        questions.read(str(tmp_path / "bad.jsonl.gz"))
    with pytest.raises(types.UserError, match=r"empty\.jsonl holds no question"):
        questions.read(_write(tmp_path / "empty.jsonl", ""))
    with pytest.raises(types.UserError, match="Cannot read the questions"):
        questions.read(str(tmp_path))
