# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Asks a retriever and a reader that are served apart: the answers are those of the one model."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from realm_tf import artifacts
from serving import requests, versions

_CITED = ("block_id", "doc_id", "title", "block_text")
_SAME = ("tokenizer", "open_qa_weights")


def are_apart(path: str) -> bool:
    """Whether the directory of an export holds two models."""
    return all(
        versions.numbers(os.path.join(path, name)) for name in (versions.RETRIEVER, versions.READER)
    )


def require_pair(retriever: str, reader: str) -> int:
    """Checks that the versions of a retriever and a reader belong together.

    Args:
      retriever: Directory of the version of the retriever.
      reader: Directory of the version of the reader.

    Returns:
      The number of blocks that are read for a question.

    Raises:
      UserError: If they were not fine-tuned together.
    """
    records = [artifacts.read_json(f"{path}/{versions.RECORD}") for path in (retriever, reader)]
    for role in _SAME:
        of = [record["made_from"].get(role) for record in records]
        artifacts.require_same(role, (retriever, of[0]), (reader, of[1]))
    return int(records[0]["config"]["open_qa"]["num_read"])


def join(retriever: Any, reader: Any, num_read: int) -> Callable[..., Mapping[str, tf.Tensor]]:
    """Joins the two models.

    Args:
      retriever: SavedModel of the retriever.
      reader: SavedModel of the reader.
      num_read: Number of blocks that are read for a question.

    Returns:
      A function of `question` <string>[batch_size] that returns what `QaModule.answer` does.
    """

    def answer(question: tf.Tensor) -> Mapping[str, tf.Tensor]:
        shape = tf.shape(question)
        blocks = retriever.signatures["retrieve"](
            question=question, k=tf.fill(shape, num_read), with_metadata=tf.fill(shape, False)
        )
        found = dict(
            reader.signatures["read"](
                question=question,
                block_text=blocks["block_text"],
                retrieval_score=blocks["retrieval_score"],
                num_answers=tf.fill(shape, requests.NUM_ANSWERS),
            )
        )
        block = found.pop("block")
        for name in _CITED:
            cited = tf.gather(blocks[name], tf.maximum(block, 0), batch_dims=1)
            found[name] = tf.where(block >= 0, cited, "")
        return found

    return answer
