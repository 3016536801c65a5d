# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The local client: loads an exported QA system in this process, and asks it questions.

Nothing of the models is imported: the export holds all of them. TF.Text is imported for the ops
that it registers.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401

from realm_tf import artifacts, types
from realm_tf.text.inputs import lines
from serving import versions

# What `QaModule.answer` is, and the signature `serving_default` of an export.
AnswerFunction = Callable[..., Mapping[str, tf.Tensor]]

_BOLD, _PLAIN = "\033[1m", "\033[0m"


def load(path: str) -> AnswerFunction:
    """Loads the newest version of an export.

    Args:
      path: Directory of the export, which holds its versions; or of one version.

    Returns:
      The signature `serving_default` as a function of `question` <string>[batch_size].

    Raises:
      UserError: If the directory holds no exported model, or the model is damaged.
    """
    version = _newest(path)
    versions.require_whole(version)
    try:
        with artifacts.plain_path(version) as directory:
            module = tf.saved_model.load(directory)
    except (IndexError, OSError, RuntimeError, ValueError, tf.errors.OpError) as error:
        reason = " ".join(str(error).split())[:200]
        raise types.UserError(
            f"{version} is damaged: {reason}. Delete it, and run `realm export`."
        ) from error
    if "serving_default" not in module.signatures:
        raise types.UserError(f"{version} is no model of `realm export`: it answers no questions.")

    def answer(question: tf.Tensor) -> Mapping[str, tf.Tensor]:
        # The module is held here, because a signature does not keep its variables alive.
        return module.signatures["serving_default"](question=question)

    return answer


def _newest(path: str) -> str:
    """Directory of the newest version; `path` itself if it is one."""
    numbers = versions.numbers(path)
    if numbers:
        return os.path.join(path, str(numbers[-1]))
    if any(tf.io.gfile.exists(f"{path}/{name}") for name in (versions.MODEL, versions.RECORD)):
        return path
    raise types.UserError(
        f"{path} holds no exported model: no directory with a number. Run `realm export`."
    )


def ask(path: str, questions: Sequence[str], *, batch_size: int = 32) -> list[list[types.Answer]]:
    """Answers questions with the newest version of an export.

    Args:
      path: Directory of the export, which holds its versions; or of one version.
      questions: Questions, any number of them.
      batch_size: Number of questions that are answered at a time.

    Returns:
      The answers to every question, best first; none for a corpus without text.

    Raises:
      UserError: If the directory holds no exported model, or a question is no whole Unicode.
    """
    _check(questions)
    return predict(load(path), questions, batch_size=batch_size)


def predict(
    answer: AnswerFunction, questions: Sequence[str], *, batch_size: int = 32
) -> list[list[types.Answer]]:
    """Answers questions, as `ask` does, with a loaded export or with `QaModule.answer`."""
    _check(questions)
    answers: list[list[types.Answer]] = []
    for start in range(0, len(questions), batch_size):
        batch = tf.constant(list(questions[start : start + batch_size]), tf.string)
        outputs = {name: value.numpy() for name, value in answer(question=batch).items()}
        answers.extend(_answers(outputs, row) for row in range(len(batch)))
    return answers


def format_answer(answer: types.Answer, *, bold: bool | None = None) -> str:
    """Formats an answer inside its evidence as text for people to read.

    Args:
      answer: Answer to show.
      bold: Whether the answer is marked in bold and not as >>>answer<<<; by default, if the output
        is a terminal.

    Returns:
      A line with score, block and title, and then the text of the block.
    """
    if bold is None:
        bold = sys.stdout.isatty()
    left, right = (_BOLD, _PLAIN) if bold else (">>>", "<<<")
    text = answer.block_text.encode("utf-8")
    before, after = text[: answer.byte_start].decode(), text[answer.byte_limit :].decode()
    head = f"[{answer.score:.2f}] block {answer.block_id}  {answer.title}".rstrip()
    return f"{head}\n{before}{left}{answer.text}{right}{after}"


def _check(questions: Sequence[str]) -> None:
    for number, question in enumerate(questions, 1):
        if not lines.encodable(question):
            raise types.UserError(
                f"Question {number} is not UTF-8, or holds half of a surrogate pair. Received:"
                f" {question!r}."
            )


def _answers(outputs: Mapping[str, np.ndarray], row: int) -> list[types.Answer]:
    """The answers to one question; places without one are left out."""
    places = np.flatnonzero(outputs["block_id"][row] != b"")
    return [_answer({name: value[row, i] for name, value in outputs.items()}) for i in places]


def _answer(values: Mapping[str, Any]) -> types.Answer:
    return types.Answer(
        text=values["answer"].decode("utf-8"),
        score=float(values["score"]),
        block_id=int(values["block_id"]),
        doc_id=values["doc_id"].decode("utf-8"),
        title=values["title"].decode("utf-8"),
        block_text=values["block_text"].decode("utf-8"),
        byte_start=int(values["answer_byte_start"]),
        byte_limit=int(values["answer_byte_limit"]),
    )
