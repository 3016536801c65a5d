# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Questions with their answers, read from JSONL, one a line.

    {"id": "q1", "question": "Where is Lake Ohrid?", "answers": ["North Macedonia", "Albania"]}

| key | value |
|---|---|
| `question` | text |
| `answers` or `answer` | a text or a list of texts |
| `answer_regex` | instead of the above: a regular expression or a list of them (CuratedTREC) |
| `id` | optional; by default the number of the line |
| `doc_ids`, `doc_id` or `paragraph_id` | optional: the documents that hold the answer |
"""

from __future__ import annotations

import dataclasses
import gzip
import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf

from realm_tf import types

# As the evaluation of CuratedTREC has it.
REGEX_FLAGS = re.IGNORECASE | re.UNICODE | re.MULTILINE


@dataclasses.dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
      question_id: Unique in its file.
      question: Its text.
      answers: Any of them is right.
      doc_ids: Ids of the documents that are known to hold the answer; may be empty.
      is_regex: Whether `answers` are regular expressions.

    Raises:
      UserError: If there is no question, no answer, or an invalid regular expression.
    """

    question_id: str
    question: str
    answers: tuple[str, ...]
    doc_ids: tuple[str, ...] = ()
    is_regex: bool = False

    def __post_init__(self) -> None:
        if not self.question.strip():
            raise types.UserError("The question is empty.")
        if not any(answer.strip() for answer in self.answers):
            raise types.UserError(
                f'The question "{self.question}" has no answer: give `answers`, `answer` or'
                " `answer_regex`."
            )
        for pattern in self.answers if self.is_regex else ():
            try:
                re.compile(pattern, REGEX_FLAGS)
            except re.error as error:
                raise types.UserError(
                    f"The answer {pattern!r} is not a valid regular expression: {error}."
                ) from error


def read(path: str) -> list[Question]:
    """Reads a file of questions.

    Args:
      path: `.jsonl`, or `.jsonl.gz`; any path that tf.io.gfile takes.

    Raises:
      UserError: If the file cannot be read, or a line is not as described above; `file:line` is
        named.
    """
    questions: list[Question] = []
    line_of: dict[str, int] = {}
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            question = _parse(line, default_id=str(number))
            first = line_of.setdefault(question.question_id, number)
            if first != number:
                raise types.UserError(
                    f"The question id {question.question_id!r} is already taken by line {first}."
                )
        except types.UserError as error:
            raise types.UserError(f"{path}:{number}: {error}") from error
        questions.append(question)
    if not questions:
        raise types.UserError(f"{path} holds no question: one JSON object a line is needed.")
    return questions


def _lines(path: str) -> Iterator[bytes]:
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            content = file.read()
        yield from io.BytesIO(gzip.decompress(content) if path.endswith(".gz") else content)
    except tf.errors.NotFoundError:
        raise types.UserError(f"No such file of questions: {path}.") from None
    except (tf.errors.OpError, OSError, EOFError) as error:
        raise types.UserError(f"Cannot read the questions in {path}: {error}.") from error


def _parse(line: bytes, *, default_id: str) -> Question:
    try:
        record = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise types.UserError(f"The line is not UTF-8: {error}.") from error
    except json.JSONDecodeError as error:
        raise types.UserError(f"The line is not JSON: {error}.") from error
    if not isinstance(record, dict):
        raise types.UserError(f"A JSON object is needed. Received: {type(record).__name__}.")
    is_regex = "answer_regex" in record
    answer_keys = ("answer_regex",) if is_regex else ("answers", "answer")
    return Question(
        question_id=_text(record, "id", default_id),
        question=_text(record, "question", ""),
        answers=_texts(record, *answer_keys),
        doc_ids=_texts(record, "doc_ids", "doc_id", "paragraph_id"),
        is_regex=is_regex,
    )


def _text(record: Mapping[str, Any], key: str, default: str) -> str:
    value = default if record.get(key) is None else record[key]
    if not isinstance(value, str):
        raise types.UserError(f"{key} must be a text. Received: {value!r}.")
    return value


def _texts(record: Mapping[str, Any], *keys: str) -> tuple[str, ...]:
    """The text or texts of the first key that is there."""
    key = next((key for key in keys if record.get(key) is not None), None)
    if key is None:
        return ()
    value = record[key]
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in texts):
        raise types.UserError(f"{key} must be a text or a list of texts. Received: {value!r}.")
    return tuple(texts)
