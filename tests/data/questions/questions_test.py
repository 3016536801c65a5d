# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Questions are read as they are written, and refused by line."""

import bz2
import gzip
import json
import logging

import pytest

from realm_tf import config as config_lib
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
        ("{", "invalid JSON: the object does not end on its line"),
        ("[1]", r"a JSON object is needed. Received: \[1\]. Is the file one JSON array"),
        ({"answers": ["x"]}, 'no "question". The record holds: answers.'),
        ({"question": "  ", "answers": ["x"]}, "question is empty"),
        ({"question": ["x"], "answers": ["x"]}, "question must be a text"),
        ({"question": "Who?"}, r'"Who\?" has no answer'),
        ({"question": "Who?", "answers": []}, "has no answer"),
        ({"question": "Who?", "answers": [" "]}, "has no answer"),
        ({"question": "Who?", "answers": [1]}, "answers must be a text or a list of texts"),
        ({"question": "Who?", "answer_regex": "(a"}, "not a valid regular expression"),
        ({"id": True, "question": "Who?", "answer": "I"}, "id must be a text. Received: True"),
        ({"id": [5], "question": "Who?", "answer": "I"}, r"id must be a text. Received: \[5\]"),
        ('{"question": "Who \\ud83d?", "answer": "I"}', "half of a surrogate pair"),
        ('{"question": "Who?", "answer": ["I", "\\udc00"]}', "half of a surrogate pair"),
        ('{"question": "Who?", "answer": "I", "doc_ids": ["\\ud800"]}', "half of a surrogate"),
        ("who wrote it\t['Ann'", "the line begins with .who wrote it"),
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
    with pytest.raises(
        types.UserError, match=r"questions\.jsonl:1: not UTF-8: its byte 15 is 0xFF"
    ):
        questions.read(str(path))


def test_missing_damaged_and_empty_files(tmp_path):
    with pytest.raises(types.UserError, match=r"No such file: .*none\.jsonl"):
        questions.read(str(tmp_path / "none.jsonl"))
    (tmp_path / "bad.jsonl.gz").write_bytes(b"not gzip")
    with pytest.raises(
        types.UserError, match=r"bad\.jsonl\.gz: damaged compressed data: the file does not"
    ):
        questions.read(str(tmp_path / "bad.jsonl.gz"))
    with pytest.raises(types.UserError, match=r"empty\.jsonl holds no question"):
        questions.read(_write(tmp_path / "empty.jsonl", ""))
    with pytest.raises(types.UserError, match="Cannot read "):
        questions.read(str(tmp_path))


@pytest.mark.parametrize("name", ["q.jsonl.gz", "q.jsonl.bz2", "no_ending"])
@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_damaged_files_are_refused_in_one_line(tmp_path, name, damage):
    rows = (json.dumps({"question": f"What is {n * n}?", "answer": f"{n}"}) for n in range(99))
    compress = bz2.compress if name.endswith("bz2") else gzip.compress
    data = bytearray(compress("\n".join(rows).encode()))
    if damage == "flipped":
        data[len(data) // 2] ^= 0xFF
    path = tmp_path / name
    path.write_bytes(data if damage == "flipped" else data[: len(data) // 2])
    with pytest.raises(types.UserError, match=name.replace(".", r"\.")) as caught:
        questions.read(str(path))
    assert "\n" not in str(caught.value)


def test_byte_order_mark_line_ends_and_integer_ids(tmp_path):
    path = tmp_path / "questions.jsonl"
    for number, end in enumerate((b"\n", b"\r\n", b"\r")):
        record = json.dumps({"id": 7, "question": "Who?", "answer": "I", "doc_ids": [1, "b"]})
        other = json.dumps({"id": number, "question": "Why?", "answer": "So"})
        path.write_bytes(b"\xef\xbb\xbf" + record.encode() + end + other.encode() + end)
        first, second = questions.read(str(path))
        assert (first.question_id, first.doc_ids) == ("7", ("1", "b"))
        assert second.question_id == str(number)


@pytest.mark.parametrize(
    ("answers", "texts"),
    [
        ({"text": ["Rome", "Roma"], "answer_start": [3, 9]}, ("Rome", "Roma")),
        (
            [{"text": "Rome", "answer_start": 3}, {"text": "Roma", "answer_start": 9}],
            ("Rome", "Roma"),
        ),
        ({"text": "Rome"}, ("Rome",)),
    ],
)
def test_nested_answers_of_squad(tmp_path, answers, texts):
    assert _read_one(tmp_path, {"question": "Where?", "answers": answers}).answers == texts


def test_lines_of_dpr(tmp_path):
    lines = ["who is he\t['Ann Moor', \"O'Neil\"]", '"what is ""x"""\t"[\'a ""b""\']"']
    path = _write(tmp_path / "nq-test.csv", *lines)
    assert [(q.question_id, q.question, q.answers) for q in questions.read(path)] == [
        ("1", "who is he", ("Ann Moor", "O'Neil")),
        ("2", 'what is "x"', ('a "b"',)),
    ]
    with pytest.raises(types.UserError, match="answers must be a text or a list of texts"):
        questions.read(_write(tmp_path / "q.tsv", "who\t[1, 2]"))


PATTERNS = config_lib.QuestionsConfig(answers_are_patterns=True)


@pytest.mark.parametrize(
    "answer", [r"19\d\d", "Smith|Smythe", "(New )?York", "No.*way", r"U\.S\.", "[A-C]+x", "a{2}"]
)
def test_answers_that_look_like_patterns_are_warned_of(tmp_path, caplog, answer):
    plain = {"question": "Where?", "answer": "Rome"}
    path = _write(tmp_path / "a.jsonl", plain, {"question": "Who?", "answer": [answer]})
    with caplog.at_level(logging.WARNING):
        assert not any(q.is_regex for q in questions.read(path))
    assert f"{path}: 1 of 2 answers look like regular expressions" in caplog.text
    assert repr(answer) in caplog.text
    assert "questions.answers_are_patterns=true" in caplog.text
    caplog.clear()
    assert all(q.is_regex for q in questions.read(path, PATTERNS))
    assert not caplog.text


@pytest.mark.parametrize(
    "answer",
    ["C++", "What?", "$5.00", "U.S.", "(born 1901)", "AC/DC", "e.g. a...", "1 * 2", "[sic]"],
)
def test_plain_answers_are_not_warned_of(tmp_path, caplog, answer):
    questions.read(_write(tmp_path / "a.jsonl", {"question": "Who?", "answer": answer}))
    assert not caplog.text


def test_patterns_are_checked_and_change_the_fingerprint(tmp_path):
    path = _write(tmp_path / "a.jsonl", {"question": "Who?", "answer": "(a"})
    with pytest.raises(types.UserError, match=r"a\.jsonl:1: .*not a valid regular expression"):
        questions.read(path, PATTERNS)
    assert questions.fingerprint(path) != questions.fingerprint(path, PATTERNS)
