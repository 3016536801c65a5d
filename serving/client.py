# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The local client: loads an exported QA system in this process, and asks it questions.

Nothing of the models is imported: the export holds all of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from realm_tf import types
from serving import apart, replies, requests, saved_models, sharded, versions

# What `QaModule.answer` is, and the signature `serving_default` of an export.
AnswerFunction = Callable[..., Mapping[str, tf.Tensor]]


def load(path: str) -> AnswerFunction:
    """Loads the newest version of an export.

    Args:
      path: Directory of the export, which holds its versions, or retriever (or shards) and reader
        apart; or of one version.

    Returns:
      The signature `serving_default` as a function of `question` <string>[batch_size]; with other
      inputs of the signature `answer`, each one entry for all questions, that signature.

    Raises:
      UserError: If the directory holds no exported model, the model is damaged, or retriever and
        reader do not belong together.
    """
    if versions.shards(path):
        return _of_parts(sharded.load(path))
    if apart.are_apart(path):
        retriever = _newest(os.path.join(path, versions.RETRIEVER))
        reader = apart.reader_of(path, retriever, versions.record(retriever))
        pair = apart.join(saved_models.load(retriever), saved_models.load(reader), retriever)
        return _of_parts(pair)
    version = _newest(path)
    module = saved_models.load(version)
    if "serving_default" not in module.signatures:
        raise types.UserError(f"{version} is no model of `realm export`: it answers no questions.")

    def answer(**inputs: tf.Tensor) -> Mapping[str, tf.Tensor]:
        # The module is held here, because a signature does not keep its variables alive.
        if len(inputs) == 1:
            return module.signatures["serving_default"](**inputs)
        record = versions.record(version)
        versions.require_schema(version, record)
        # What a server fills in if it is left out.
        left_out = requests.answer_defaults(apart.num_read(record))
        return module.signatures["answer"](**{**left_out, **inputs})

    return answer


def _of_parts(system: apart.Pair | sharded.System) -> AnswerFunction:
    def answer(**inputs: tf.Tensor) -> Mapping[str, tf.Tensor]:
        return (system.answer if len(inputs) == 1 else system.answer_as_wanted)(**inputs)

    return answer


def _newest(path: str) -> str:
    """Directory of the newest version; `path` itself if it is one."""
    numbers = versions.numbers(path)
    if numbers:
        return os.path.join(path, str(numbers[-1]))
    if versions.is_version(path):
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
    replies.require_unicode(questions)
    return predict(load(path), questions, batch_size=batch_size)


def predict(
    answer: AnswerFunction, questions: Sequence[str], *, batch_size: int = 32
) -> list[list[types.Answer]]:
    """Answers questions, as `ask` does, with a loaded export or with `QaModule.answer`."""
    found = reply(answer, questions, batch_size=batch_size)
    return [list(one.answers) for one in found]


def reply(
    answer: AnswerFunction,
    questions: Sequence[str],
    wanted: replies.Wanted | None = None,
    *,
    batch_size: int = 32,
) -> list[replies.Reply]:
    """Answers questions, as `predict` does, with all that the model tells.

    Args:
      answer: What `load` returned.
      questions: Questions, any number of them.
      wanted: What is wanted of the answers to each.
      batch_size: Number of questions that are answered at a time.

    Raises:
      UserError: If the filter does not fit the fields of the corpus.
    """
    replies.require_unicode(questions)
    more = {} if wanted is None else wanted.inputs()
    inputs = {name: tf.constant([value]) for name, value in more.items()}
    found: list[replies.Reply] = []
    for start in range(0, len(questions), batch_size):
        batch = questions[start : start + batch_size]
        try:
            outputs = answer(question=tf.constant(list(batch), tf.string), **inputs)
        except tf.errors.InvalidArgumentError as error:
            reason = saved_models.refusal(error)
            raise types.UserError(f"The model refuses the questions: {reason}") from error
        numbers = {name: np.asarray(value) for name, value in outputs.items()}
        found.extend(replies.from_outputs(batch, numbers))
    return found
