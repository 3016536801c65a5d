# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which blocks hold an answer of which question: found once, and looked up in every step.

On disk: Arrow shards, one for each shard of blocks.

| column | Arrow type | what it holds |
|---|---|---|
| `answer` | uint32 | number of an answer in the `AnswerSearch` of the questions; increasing |
| `row` | uint32 | row, in its shard of blocks, of a block that holds it; increasing for an answer |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from realm_tf import artifacts
from realm_tf.data.blocks import shards
from realm_tf.data.blocks import table as block_table
from realm_tf.data.questions import answer_search
from realm_tf.data.questions import questions as questions_lib

KIND = "answer_rows"
SCHEMA = pa.schema([pa.field(name, pa.uint32(), nullable=False) for name in ("answer", "row")])


def find(
    table: block_table.BlockTable,
    search: answer_search.AnswerSearch,
    note: Callable[[int], None] = lambda row: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Looks for answers in all blocks of a table.

    Args:
      table: The blocks.
      search: The answers.
      note: Is told of every row that is done.

    Returns:
      answers: <uint32>[num_found] numbers of answers, increasing.
      rows: <uint32>[num_found] rows that hold them, increasing for an answer.
    """
    found: list[tuple[int, int]] = []
    for row in range(len(table)):
        found += [(number, row) for number in search.find(table.text(row))]
        note(row + 1)
    pairs = np.array(sorted(found), np.uint32).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def batch(answers: np.ndarray, rows: np.ndarray) -> pa.RecordBatch:
    """What `find` returned, as columns of a shard."""
    return pa.record_batch([pa.array(answers), pa.array(rows)], schema=SCHEMA)


class AnswerRows:
    """The rows of a block table that hold answers.

    Args:
      search: The answers.
      answers: <uint32>[num_found] numbers of answers, in any order.
      rows: <int64>[num_found] rows of the table that hold them, increasing for an answer.
    """

    def __init__(self, search: answer_search.AnswerSearch, answers: np.ndarray, rows: np.ndarray):
        self._search = search
        self._rows = rows[np.argsort(answers, kind="stable")]
        counts = np.bincount(answers, minlength=search.num_answers)
        self._offsets = np.concatenate([[0], np.cumsum(counts)])

    @classmethod
    def open(
        cls,
        segment: artifacts.Segment,
        blocks: artifacts.Segment,
        questions: Sequence[questions_lib.Question],
    ) -> AnswerRows:
        """Opens what the job found, with 8 bytes in memory for each pair of an answer and a block.

        Args:
          segment: Segment "answer_rows".
          blocks: Segment "blocks" that it was made from.
          questions: All questions that it was made from.

        Raises:
          UserError: If it was made from other blocks, or a file is damaged.
        """
        artifacts.require_made_from(segment, blocks)
        answers, rows, first = [], [], 0
        for path, shard in zip(segment.files(), blocks.shards, strict=True):
            for found in shards.read(path):
                answers.append(found.column("answer").to_numpy())
                rows.append(found.column("row").to_numpy().astype(np.int64) + first)
            first += shard.num_records
        search = answer_search.AnswerSearch(questions, segment.settings["rule"])
        none: list[Any] = [np.zeros(0, np.int64)]
        return cls(search, np.concatenate(answers or none), np.concatenate(rows or none))

    def has_answer(
        self, questions: Sequence[questions_lib.Question], rows: np.ndarray
    ) -> np.ndarray:
        """Whether blocks hold an answer of their question.

        Args:
          questions: One for each line of `rows`.
          rows: <int64>[num_questions, k] rows of the table; -1 is no block.

        Returns:
          <bool>[num_questions, k].
        """
        return np.array(
            [np.isin(of_one, self._holding(q)) for q, of_one in zip(questions, rows, strict=True)],
            bool,
        ).reshape(rows.shape)

    def _holding(self, question: questions_lib.Question) -> np.ndarray:
        parts = [
            self._rows[self._offsets[number] : self._offsets[number + 1]]
            for number in self._search.of(question)
        ]
        return np.concatenate([np.zeros(0, np.int64), *parts])
