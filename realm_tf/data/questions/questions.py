# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Questions with their answers, read from JSONL, one a line.

    {"id": "q1", "question": "Where is Lake Ohrid?", "answers": ["North Macedonia", "Albania"]}

| key | value |
|---|---|
| `question` | text |
| `answers` or `answer` | a text or a list of texts, or SQuAD's `{"text": [...]}` |
| `answer_regex` | instead of the above: a regular expression or a list of them (CuratedTREC) |
| `id` | optional, text or integer; by default the number of the line |
| `doc_ids`, `doc_id` or `paragraph_id` | optional, texts or integers: documents with the answer |

Other files are read by `question_files`, which gives records of these keys.
"""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.questions import question_files
from realm_tf.text.inputs import json_objects, lines

# As the evaluation of CuratedTREC has it.
REGEX_FLAGS = re.IGNORECASE | re.UNICODE | re.MULTILINE

# What texts hardly hold, but regular expressions do: escapes, repetition, groups, alternatives.
_PATTERN = re.compile(r"\\[bBdDsSwW.()?*+|\[]|\.[*+]|[)\]][?*+]|\(\?|\w\|\w|\)\||\|\(|\w\{\d|\[\^")
_DEFAULTS = config_lib.QuestionsConfig()

_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Question:
    """A question of a JSONL file, with its right answers.

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


def read(path: str, reading: config_lib.QuestionsConfig = _DEFAULTS) -> list[Question]:
    """Reads a file of questions.

    Args:
      path: A file, plain, gzip or bzip2; any path that tf.io.gfile takes.
      reading: How it is read.

    Raises:
      UserError: If the file cannot be read, or a line is not as described above; `file:line` is
        named.
    """
    questions: list[Question] = []
    number_of: dict[str, int] = {}
    for record in question_files.read(path, reading.format):
        try:
            question = _parse(record, reading)
            first = number_of.setdefault(question.question_id, record.number)
            if first != record.number:
                raise types.UserError(
                    f"The question id {question.question_id!r} is already taken by"
                    f" {record.unit} {first}."
                )
        except (types.UserError, lines.BadRecordError) as error:
            raise types.UserError(f"{record.where}: {error}") from error
        questions.append(question)
    if not questions:
        need = "one JSON object a line is needed" if reading == _DEFAULTS else "is it such a file?"
        raise types.UserError(f"{path} holds no question: {need}.")
    _warn_of_patterns(path, questions)
    return questions


def fingerprint(path: str, reading: config_lib.QuestionsConfig = _DEFAULTS) -> str:
    """Hash of the contents of a file of questions and of how it is read."""
    contents = artifacts.file_sha256(path)[0]
    if reading == _DEFAULTS:
        return contents
    return artifacts.digest([contents, dataclasses.asdict(reading)])


def _warn_of_patterns(path: str, questions: Sequence[Question]) -> None:
    """Says that answers which look like regular expressions are read as texts."""
    texts = [answer for q in questions if not q.is_regex for answer in q.answers]
    alike = [answer for answer in texts if _PATTERN.search(answer)]
    if alike:
        _LOGGER.warning(
            "%s: %d of %d answers look like regular expressions, but are read as plain texts, which"
            " no block may hold; the first is %r. If they are expressions (CuratedTREC), set"
            " questions.answers_are_patterns=true.",
            path,
            len(alike),
            len(texts),
            alike[0],
        )


def _parse(found: question_files.Record, reading: config_lib.QuestionsConfig) -> Question:
    record = found.values
    if "question" not in record:
        held = ", ".join(map(str, record))[:200] or "no key"
        raise lines.BadRecordError(f'no "question". The record holds: {held}.')
    is_regex = "answer_regex" in record
    answer_keys = ("answer_regex",) if is_regex else ("answers", "answer")
    return Question(
        question_id=_text(record, "id", str(found.number), integers=True),
        question=_text(record, "question", ""),
        answers=_texts(record, *answer_keys),
        doc_ids=_texts(record, "doc_ids", "doc_id", "paragraph_id", integers=True),
        is_regex=is_regex or reading.answers_are_patterns,
    )


def _text(record: Mapping[str, Any], key: str, default: str, *, integers: bool = False) -> str:
    value = default if record.get(key) is None else _plain(record[key], integers=integers)
    if not isinstance(value, str):
        raise types.UserError(f"{key} must be a text. Received: {json_objects.short(value)}.")
    return value


def _texts(record: Mapping[str, Any], *keys: str, integers: bool = False) -> tuple[str, ...]:
    """The text or texts of the first key that is there."""
    key = next((key for key in keys if record.get(key) is not None), None)
    if key is None:
        return ()
    value = record[key]
    if isinstance(value, Mapping) and "text" in value:  # SQuAD's answers
        value = value["text"]
    texts = [_plain(v, integers=integers) for v in (value if isinstance(value, list) else [value])]
    if not all(isinstance(text, str) for text in texts):
        raise types.UserError(
            f"{key} must be a text or a list of texts. Received: {json_objects.short(record[key])}."
        )
    return tuple(texts)


def _plain(value: Any, *, integers: bool) -> Any:
    """A value, but an integer as text where it is an id, and SQuAD's answer as its text."""
    if integers and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, Mapping) and isinstance(value.get("text"), str):
        return value["text"]
    return value
