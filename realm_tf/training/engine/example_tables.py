# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Examples of what a model answers, as tables among the text summaries of TensorBoard."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from realm_tf.text import tokenizer as tokenizer_lib

COUNT = 8  # examples in a table
_TAG = "examples"
_DIRECTORY = os.path.join("summaries", "examples")
_HEAD = ("query", "expected", "predicted", "retrieved (score)")


class Example(NamedTuple):
    """What a model answers to one query.

    Attributes:
      query: The query.
      expected: The right answer.
      predicted: What the model answers; name of the way, which may be empty, to answer.
      retrieved: Title and score of the blocks that it read, best first.
    """

    query: str
    expected: str
    predicted: dict[str, str]
    retrieved: list[tuple[str, float]]


def markdown(examples: Sequence[Example]) -> str:
    """A table with a row for each example; TensorBoard shows Markdown."""
    rows = [_HEAD, ("---",) * len(_HEAD), *map(_row, examples)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(example: Example) -> tuple[str, ...]:
    predicted = [f"{name}: {text}" if name else text for name, text in example.predicted.items()]
    retrieved = [f"{title} ({score:.3f})" for title, score in example.retrieved]
    cells = ([example.query], [example.expected], predicted, retrieved)
    return tuple("<br>".join(map(_plain, cell)) for cell in cells)


def _plain(text: str) -> str:
    """The text as it is, in a cell of a table."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "&#124;")
    return " ".join(escaped.replace("*", "\\*").replace("_", "\\_").split())


def write(directory: str, step: int, examples: Sequence[Example]) -> None:
    """Writes the table of a step into a training's summaries.

    Args:
      directory: Directory of the training.
      step: The trainer's step.
      examples: What is shown.
    """
    writer = tf.summary.create_file_writer(os.path.join(directory, _DIRECTORY))
    with writer.as_default():
        tf.summary.text(_TAG, markdown(examples), step=step)
    writer.close()


def words(ids: Sequence[int], tokenizer: tokenizer_lib.Tokenizer) -> str:
    """Wordpieces as text, without what only pads or encloses it."""
    left_out = {tokenizer.pad_id, tokenizer.cls_id, tokenizer.sep_id}
    pieces = [tokenizer.vocab[i] for i in ids if i not in left_out]
    return " ".join(pieces).replace(" ##", "")
