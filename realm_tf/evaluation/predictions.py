# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes and reads predictions as JSON Lines: a question, its ranked answers and their evidence.

A line holds the question's `id`, `question` and its right `answers` (`answer_regex`, if they are
regular expressions), so that the file can be scored again; whether the first prediction is
`correct`; and the `predictions`: `correct`, and what `types.Answer` has.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf.data.questions import questions as questions_lib
from realm_tf.evaluation import answer_scores


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The ranked answers of a system to one question.

    Attributes:
      question: The question, with its right answers.
      ranked: The answers of the system, best first; there may be none.
    """

    question: questions_lib.Question
    ranked: tuple[types.Answer, ...]

    @property
    def correct(self) -> bool:
        """Whether the first answer is right."""
        return bool(self.ranked) and answer_scores.is_correct(self.ranked[0].text, self.question)


def write(
    path: str,
    questions: Sequence[questions_lib.Question],
    ranked: Sequence[Sequence[types.Answer]],
) -> None:
    """Writes predictions as JSON Lines, atomically.

    Args:
      path: Path of the `.jsonl` file.
      questions: The questions that were asked.
      ranked: Answers to every question, best first.
    """
    with artifacts.atomic_path(path) as aside, tf.io.gfile.GFile(aside, "w") as f:
        for question, given in zip(questions, ranked, strict=True):
            record = _to_json(Prediction(question, tuple(given)))
            f.write(json.dumps(record, ensure_ascii=False) + "\n")


def read(path: str) -> list[Prediction]:
    """Reads the predictions of a file that `write` wrote.

    Raises:
      UserError: If the file is missing, or a line is not a prediction; `file:line` is named.
    """
    try:
        with tf.io.gfile.GFile(path, "rb") as f:
            lines = f.read().splitlines()
    except tf.errors.NotFoundError:
        raise types.UserError(f"No such file of predictions: {path}.") from None
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(_from_json(json.loads(line)))
        except (KeyError, TypeError, ValueError) as error:
            raise types.UserError(
                f"{path}:{number} is not a prediction: {error!r}. Write the file again."
            ) from error
    return found


def _to_json(prediction: Prediction) -> dict[str, Any]:
    question = prediction.question
    return {
        "id": question.question_id,
        "question": question.question,
        "answer_regex" if question.is_regex else "answers": list(question.answers),
        "doc_ids": list(question.doc_ids),
        "correct": prediction.correct,
        "predictions": [
            {
                **dataclasses.asdict(answer),
                "block_id": str(answer.block_id),  # many a reader of JSON rounds large numbers
                "correct": answer_scores.is_correct(answer.text, question),
            }
            for answer in prediction.ranked
        ],
    }


def _from_json(record: dict[str, Any]) -> Prediction:
    is_regex = "answer_regex" in record
    question = questions_lib.Question(
        question_id=record["id"],
        question=record["question"],
        answers=tuple(record["answer_regex" if is_regex else "answers"]),
        doc_ids=tuple(record["doc_ids"]),
        is_regex=is_regex,
    )
    names = [field.name for field in dataclasses.fields(types.Answer)]
    ranked = [
        types.Answer(**_known(given, names) | {"block_id": int(given["block_id"])})
        for given in record["predictions"]
    ]
    return Prediction(question, tuple(ranked))


def _known(given: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """What a record tells of an answer; older records tell no probability."""
    return {name: given[name] for name in names if name in given}
