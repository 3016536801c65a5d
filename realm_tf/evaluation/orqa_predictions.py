# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Predictions in the format of ORQA's code (Lee et al., 2019), read and written.

A line is `{"question": ..., "prediction": ...}`. ORQA's `evaluate_predictions` pairs it by the text
of the question with a line of the references, `{"question": ..., "answer": [...]}`; a question
without a prediction counts as wrong, and a prediction without a question as nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from realm_tf import artifacts, types
from realm_tf.artifacts import gfile
from realm_tf.data.questions import questions as questions_lib
from realm_tf.evaluation import predictions as predictions_lib

_QUESTION, _PREDICTION = "question", "prediction"


def is_one(record: Any) -> bool:
    """Whether a line of a file of predictions is in ORQA's format."""
    return isinstance(record, dict) and _PREDICTION in record and "predictions" not in record


def write(path: str, predictions: Iterable[predictions_lib.Prediction]) -> None:
    """Writes the first answer to every question, "" where there is none, atomically."""
    with artifacts.atomic_path(path) as aside, gfile.GFile(aside, "w") as f:
        for prediction in predictions:
            first = prediction.ranked[0].text if prediction.ranked else ""
            record = {_QUESTION: prediction.question.question, _PREDICTION: first}
            f.write(json.dumps(record, ensure_ascii=False) + "\n")


def read(
    path: str, questions: Sequence[questions_lib.Question]
) -> tuple[list[predictions_lib.Prediction], int]:
    """Reads predictions in ORQA's format, and pairs them with the questions that they are for.

    Args:
      path: Path of the file.
      questions: The questions, with their right answers.

    Returns:
      A prediction for every question, and the number of questions that the file has none for.

    Raises:
      UserError: If the file is missing, a line is not of this format, or no line is for a question.
    """
    given = dict(_pair(where, record) for where, record in predictions_lib.records(path))
    missing = sum(question.question not in given for question in questions)
    if missing == len(questions):
        raise types.UserError(
            f"{path} answers none of the {missing} questions. They are paired by the text of the"
            " question: give the file of questions that the predictions were made for."
        )
    return [_of(question, given.get(question.question)) for question in questions], missing


def _pair(where: str, record: Any) -> tuple[str, str]:
    if not is_one(record) or not all(
        isinstance(record.get(key), str) for key in (_QUESTION, _PREDICTION)
    ):
        raise types.UserError(
            f'{where} is no prediction of ORQA: "{_QUESTION}" and "{_PREDICTION}" must be texts.'
            f" Received: {str(record)[:200]}."
        )
    return record[_QUESTION], record[_PREDICTION]


def _of(question: questions_lib.Question, text: str | None) -> predictions_lib.Prediction:
    if text is None:
        return predictions_lib.Prediction(question, ())
    answer = types.Answer(
        text=text,
        score=0.0,
        block_id=0,
        doc_id="",
        title="",
        block_text=text,
        byte_start=0,
        byte_limit=len(text.encode("utf-8")),
    )
    return predictions_lib.Prediction(question, (answer,))
