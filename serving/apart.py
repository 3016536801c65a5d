# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Asks a retriever and a reader that are served apart: the answers are those of the one model."""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from realm_tf import artifacts, types
from serving import requests, versions

# Outputs of `retrieve` that are those of the answers' evidence, too.
CITED = ("block_id", "doc_id", "title", "block_text", "metadata")
_SAME = ("tokenizer", "open_qa_weights")


def are_apart(path: str) -> bool:
    """Whether the directory of an export holds a retriever and a reader that are served apart."""
    return all(
        versions.numbers(os.path.join(path, name)) for name in (versions.RETRIEVER, versions.READER)
    )


def reader_of(path: str, retriever: str, record: Mapping[str, Any]) -> str:
    """The newest reader that belongs to a retriever, where they are served apart.

    Args:
      path: Directory of the export.
      retriever: Name of the retriever, for messages: the directory of its version.
      record: Its record.

    Returns:
      The directory of the version of the reader.

    Raises:
      UserError: If there is none that was fine-tuned with it, naming the newest of the others.
    """
    readers = os.path.join(path, versions.READER)
    found = [os.path.join(readers, str(number)) for number in versions.complete(readers)]
    if not found:
        raise types.UserError(f"{readers} holds no exported model. Run `realm export --apart`.")
    wanted = _roles(record)
    for reader in reversed(found):
        if _roles(versions.record(reader)) == wanted:
            return reader
    for role, of_reader in _roles(versions.record(found[-1])).items():
        artifacts.require_same(role, (retriever, wanted[role]), (found[-1], of_reader))
    raise AssertionError("two that differ are the same")


def _roles(record: Mapping[str, Any]) -> dict[str, Any]:
    made_from = record.get("made_from", {})
    return {role: made_from.get(role) for role in _SAME}


class Pair(tf.Module):
    """A loaded retriever and a loaded reader as one system.

    Args:
      retriever: SavedModel of the retriever.
      reader: SavedModel of the reader.
      num_read: Number of blocks that are read for a question, unless it says so.
    """

    def __init__(self, retriever: Any, reader: Any, num_read: int):
        super().__init__(name="pair")
        self._retriever, self._reader = retriever, reader
        self.release = getattr(retriever, "release", None)
        self._num_read = min(num_read, requests.MAX_READ)
        this = weakref.proxy(self)
        self.answer_as_wanted = requests.answer_function(
            lambda **inputs: this._answer(**inputs), self._num_read
        )

    def signatures(self) -> dict[str, Any]:
        """The signatures of a whole system, and `read`."""
        return {
            **{n: f for n, f in self._retriever.signatures.items() if n != "serving_default"},
            "read": self._reader.signatures["read"],
            "serving_default": self.answer,
            "answer": self.answer_as_wanted,
        }

    @tf.function(input_signature=requests.specs("question"), autograph=False)
    def answer(self, question: tf.Tensor) -> dict[str, tf.Tensor]:
        """See `QaModule.answer`."""
        shape = tf.shape(question)
        wanted = tf.fill(shape, self._num_read), tf.fill(shape, requests.NUM_ANSWERS)
        found = self._answer(question, *wanted, tf.fill(shape, False), tf.fill(shape, ""))
        del found["metadata"]
        return found

    def _answer(
        self,
        question: tf.Tensor,
        num_read: tf.Tensor,
        num_answers: tf.Tensor,
        with_metadata: tf.Tensor,
        filters: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """See `QaModule._answer_as_wanted`."""
        blocks: Mapping[str, tf.Tensor] = self._retriever.signatures["retrieve"](
            question=question,
            k=requests.within(num_read, 1, requests.MAX_READ),
            with_metadata=with_metadata,
            filter=filters,
        )
        return answer_from(self._reader, question, num_answers, blocks)


def answer_from(
    reader: Any, question: tf.Tensor, num_answers: tf.Tensor, blocks: Mapping[str, tf.Tensor]
) -> dict[str, tf.Tensor]:
    """What `QaModule.answer_as_wanted` returns, from blocks that were retrieved.

    Args:
      reader: SavedModel of the reader.
      question: Questions <string>[batch_size].
      num_answers: How many answers each wants, <int32>[batch_size].
      blocks: What the signature `retrieve` returns of these questions.
    """
    found = dict(
        reader.signatures["read"](
            question=question,
            block_text=blocks["block_text"],
            retrieval_score=blocks["retrieval_score"],
            num_answers=num_answers,
        )
    )
    block = found.pop("block")
    for name in CITED:
        cited = tf.gather(blocks[name], tf.maximum(block, 0), batch_dims=1)
        found[name] = tf.where(block >= 0, cited, "")
    return found


def num_read(record: Mapping[str, Any]) -> int:
    """How many blocks are read for a question, by the record of a retriever."""
    return int(record["config"]["open_qa"]["num_read"])


def join(retriever: Any, reader: Any, version: str) -> Pair:
    """Joins two loaded models; `version` is the directory of the retriever, whose record tells.

    Raises:
      UserError: If another version of this program exported the retriever.
    """
    record = versions.record(version)
    versions.require_schema(version, record)
    return Pair(retriever, reader, num_read(record))
