# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes and reads predictions as JSON Lines: a question, its ranked answers and their evidence.

A line holds the question's `id`, `question` and its right `answers` (`answer_regex`, if they are
regular expressions), so that the file can be scored again; whether the first prediction is
`correct`; the `predictions`: `correct`, and what `types.Answer` has; and the `evidence`, what
`Evidence` has. Nothing here imports TensorFlow.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable
from typing import Any

from realm_tf import artifacts, types
from realm_tf.artifacts import gfile
from realm_tf.data.questions import questions as questions_lib
from realm_tf.evaluation import answer_scores

_PREFIX, _ARM, _SUFFIX = "predictions_", "@", ".jsonl"


@dataclasses.dataclass(frozen=True)
class ReadBlock:
    """A block that was read for a question: part of the evidence of its prediction.

    Attributes:
      block_id: Its id.
      doc_id: Id of its document.
      title: Title of its document.
      text: Its text.
      score: Score of the retriever.
      holds_answer: Whether a right answer stands in its text.
    """

    block_id: int
    doc_id: str
    title: str
    text: str
    score: float
    holds_answer: bool


@dataclasses.dataclass(frozen=True)
class Evidence:
    """The evidence of a prediction: what a system retrieved for the question.

    Attributes:
      depth: How many blocks were looked at for the ranks.
      answer_rank: Place of the first block that holds an answer, 0 for the best; None: no block.
      gold_rank: Place of the first document that the question names among the documents of the
        blocks that were found, 0 for the best; None: not found, or none is named.
      is_readable: Whether an answer stands in the blocks that were read where the reader can point
        to it: within the part that it reads, and not too wide.
      blocks: The blocks that were read, best first.
    """

    depth: int
    answer_rank: int | None
    gold_rank: int | None
    is_readable: bool
    blocks: tuple[ReadBlock, ...]


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The ranked answers of a system to one question.

    Attributes:
      question: The question, with its right answers.
      ranked: The answers of the system, best first; there may be none.
      evidence: What was retrieved; None if it is not known.
    """

    question: questions_lib.Question
    ranked: tuple[types.Answer, ...]
    evidence: Evidence | None = None

    @property
    def correct(self) -> bool:
        """Whether the first answer is right."""
        return bool(self.ranked) and answer_scores.is_correct(self.ranked[0].text, self.question)


def file_name(name: str) -> str:
    """Name of the file of predictions of a system, or of `arm_name`, in the directory of a run."""
    return f"{_PREFIX}{name}{_SUFFIX}"


def arm_name(system: str, arm: str) -> str:
    """Name of what the reader of a system makes of the blocks of another retriever than its own."""
    return f"{system}{_ARM}{arm}"


def parts_of_name(name: str) -> tuple[str, str]:
    """System and arm of a name; "" is the system's own retriever."""
    system, _, arm = name.partition(_ARM)
    return system, arm


def files(workdir: str) -> dict[str, str]:
    """The files of predictions in the work directory of a run: their name to path."""
    found = artifacts.paths_in(workdir, prefix=_PREFIX, suffix=_SUFFIX)
    return {os.path.basename(path)[len(_PREFIX) : -len(_SUFFIX)]: path for path in found}


def write(path: str, predictions: Iterable[Prediction]) -> None:
    """Writes predictions as JSON Lines, atomically.

    Args:
      path: Path of the `.jsonl` file.
      predictions: The predictions, one for each line.
    """
    with artifacts.atomic_path(path) as aside, gfile.GFile(aside, "w") as f:
        for prediction in predictions:
            f.write(json.dumps(_to_json(prediction), ensure_ascii=False) + "\n")


def read(path: str) -> list[Prediction]:
    """Reads the predictions of a file that `write` wrote.

    Raises:
      UserError: If the file is missing, or a line is not a prediction; `file:line` is named.
    """
    return [_parsed(where, record) for where, record in records(path)]


def records(path: str) -> list[tuple[str, Any]]:
    """Reads the lines of a file of predictions: their place, as "file:line", and what they hold.

    Raises:
      UserError: If the file is missing or empty, or a line is not JSON.
    """
    try:
        with gfile.GFile(path, "rb") as f:
            lines = f.read().splitlines()
    except FileNotFoundError:
        raise types.UserError(f"No such file of predictions: {path}.") from None
    if not lines:
        raise types.UserError(f"{path} holds no prediction: one JSON object a line is needed.")
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append((f"{path}:{number}", json.loads(line)))
        except ValueError as error:
            raise _no_prediction(f"{path}:{number}", error) from error
    return found


def _parsed(where: str, record: Any) -> Prediction:
    try:
        return _from_json(record)
    except (KeyError, TypeError, ValueError) as error:
        raise _no_prediction(where, error) from error


def _no_prediction(where: str, error: Exception) -> types.UserError:
    return types.UserError(f"{where} is not a prediction: {error!r}. Write the file again.")


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
        **_evidence_to_json(prediction.evidence),
    }


def _evidence_to_json(evidence: Evidence | None) -> dict[str, Any]:
    if evidence is None:
        return {}
    blocks = [
        {**dataclasses.asdict(block), "block_id": str(block.block_id)} for block in evidence.blocks
    ]
    return {"evidence": {**dataclasses.asdict(evidence), "blocks": blocks}}


def _evidence_from_json(record: dict[str, Any] | None) -> Evidence | None:
    if record is None:
        return None
    blocks = tuple(
        ReadBlock(**{**block, "block_id": int(block["block_id"])}) for block in record["blocks"]
    )
    return Evidence(**{**record, "blocks": blocks})


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
    return Prediction(question, tuple(ranked), _evidence_from_json(record.get("evidence")))


def _known(given: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """What a record tells of an answer; older records tell no probability."""
    return {name: given[name] for name in names if name in given}
