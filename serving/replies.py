# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a client may ask a model, and what it replies: answers and their evidence.

Nothing here imports TensorFlow.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from realm_tf import types

# Output of the signature, where it has another name than the attribute of an answer.
_ENDS = ("byte_start", "byte_limit", "char_start", "char_limit")
_OUTPUTS = {"text": "answer", **{end: f"answer_{end}" for end in _ENDS}}
_NO_EVIDENCE = "no_evidence"
_FIELDS = dataclasses.fields(types.Answer)
NEEDED = frozenset(
    _OUTPUTS.get(field.name, field.name)
    for field in _FIELDS
    if field.default is dataclasses.MISSING
)
NUM_ANSWERS = 5  # of `serving_default`
_CONVERT = {"int": int, "float": float, "int | None": int, "float | None": float}
_BOLD, _PLAIN = "\033[1m", "\033[0m"


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is wanted of the answers to questions; what is left out is as the model has it.

    Attributes:
      filter: Which documents the evidence may be of, by their metadata, such as "year>=2020;
        lang=en,de".
      num_answers: How many answers.
      num_read: How many blocks are read.
      with_metadata: Whether answers come with the metadata of their documents.
    """

    filter: str = ""
    num_answers: int | None = None
    num_read: int | None = None
    with_metadata: bool = False

    def inputs(self) -> dict[str, Any]:
        """Inputs of the signature `answer`; none if `serving_default` will do."""
        given = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in given.items() if value not in (None, "", False)}


@dataclasses.dataclass(frozen=True)
class Reply:
    """The reply to one question.

    Attributes:
      question: The question.
      answers: Answers, best first; none for a corpus without text.
      no_evidence: Probability that the corpus holds no evidence for an answer; None if the model
        does not tell it.
    """

    question: str
    answers: tuple[types.Answer, ...]
    no_evidence: float | None = None

    def as_dict(self, num_answers: int | None = None) -> dict[str, Any]:
        """The reply as JSON has it; ids are strings, because JavaScript rounds large numbers."""
        answers = [
            {name: value for name, value in vars(answer).items() if value is not None}
            for answer in self.answers[:num_answers]
        ]
        for answer in answers:
            answer["block_id"] = str(answer["block_id"])
            if "metadata" in answer:
                answer["metadata"] = json.loads(answer["metadata"])
        found: dict[str, Any] = {"question": self.question, "answers": answers}
        return found if self.no_evidence is None else {**found, _NO_EVIDENCE: self.no_evidence}


def require_unicode(questions: Sequence[str]) -> None:
    """Checks that questions can be written in UTF-8.

    Raises:
      UserError: If one cannot.
    """
    for number, question in enumerate(questions, 1):
        try:
            question.encode("utf-8")
        except UnicodeEncodeError as error:
            raise types.UserError(
                f"Question {number} is not UTF-8, or holds half of a surrogate pair. Received:"
                f" {question!r}."
            ) from error


def from_outputs(questions: Sequence[str], outputs: Mapping[str, Any]) -> list[Reply]:
    """Reads the outputs of `serving_default`.

    Args:
      questions: The questions that were asked.
      outputs: Nested lists or arrays [len(questions), places], texts as str or as UTF-8; and
        `no_evidence` [len(questions)], if the model has it.

    Raises:
      UserError: If an output is missing: the model is no export of this project.
    """
    if missing := NEEDED - set(outputs):
        raise types.UserError(
            f"The model is none of `realm export`: it has no output {min(missing)!r}."
        )
    return [_reply(question, row, outputs) for row, question in enumerate(questions)]


def format_answer(answer: types.Answer, *, bold: bool | None = None) -> str:
    """Formats an answer inside its evidence as text for people to read.

    Args:
      answer: Answer to show.
      bold: Whether the answer is marked in bold and not as >>>answer<<<; by default, if the output
        is a terminal.

    Returns:
      A line with probability or score, block and title, one with the metadata, if the answer has
      it, and then the text of the block.
    """
    if bold is None:
        bold = sys.stdout.isatty()
    left, right = (_BOLD, _PLAIN) if bold else (">>>", "<<<")
    text = answer.block_text.encode("utf-8")
    before, after = text[: answer.byte_start].decode(), text[answer.byte_limit :].decode()
    sure = f"{answer.score:.2f}" if answer.probability is None else f"{answer.probability:.0%}"
    head = f"[{sure}] block {answer.block_id}  {answer.title}".rstrip()
    if answer.metadata is not None:
        head = f"{head}\n{answer.metadata}"
    return f"{head}\n{before}{left}{answer.text}{right}{after}"


def _reply(question: str, row: int, outputs: Mapping[str, Any]) -> Reply:
    places = range(len(outputs["block_id"][row]))
    answers = [_answer(row, place, outputs) for place in places if outputs["block_id"][row][place]]
    found = outputs.get(_NO_EVIDENCE)
    return Reply(question, tuple(answers), None if found is None else float(found[row]))


def _answer(row: int, place: int, outputs: Mapping[str, Any]) -> types.Answer:
    values: dict[str, Any] = {}
    for field in _FIELDS:
        name = _OUTPUTS.get(field.name, field.name)
        if name in outputs:
            convert = _CONVERT.get(str(field.type), _text)
            value = outputs[name][row]
            # What is said of the question stands once, not at every place.
            values[field.name] = convert(value[place] if hasattr(value, "__len__") else value)
    values["metadata"] = values.get("metadata") or None  # empty where it is not wanted
    return types.Answer(**values)


def _text(value: str | bytes) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else value
