# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The blocks of the documents that questions name: what a retriever should have found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from realm_tf.data.blocks import keys
from realm_tf.data.blocks import table as block_table
from realm_tf.data.questions import answer_rows as answer_rows_lib
from realm_tf.data.questions import questions as questions_lib


class GoldRows:
    """Rows by question.

    Args:
      table: The blocks; 16 bytes in memory for each.
      answer_rows: Which of them hold an answer.
    """

    def __init__(self, table: block_table.BlockTable, answer_rows: answer_rows_lib.AnswerRows):
        none = np.zeros(0, np.uint64)
        doc_keys = np.concatenate([none, *(chunk.scalar("doc_key") for chunk in table.chunks())])
        self._order = np.argsort(doc_keys, kind="stable")
        self._doc_keys = doc_keys[self._order]
        self._answer_rows = answer_rows

    def of(self, question: questions_lib.Question) -> np.ndarray:
        """The rows <int64>[any], ascending, of the documents that a question names.

        Of the blocks of these documents, those that hold an answer; all, if none does. None of a
        question that names no document of the corpus.
        """
        wanted = np.array([keys.doc_key(doc_id) for doc_id in question.doc_ids], np.uint64)
        starts = np.searchsorted(self._doc_keys, wanted, "left")
        limits = np.searchsorted(self._doc_keys, wanted, "right")
        parts = [self._order[s:e] for s, e in zip(starts.tolist(), limits.tolist(), strict=True)]
        rows = np.unique(np.concatenate([np.zeros(0, np.int64), *parts]))
        holds = self._answer_rows.has_answer([question], rows[np.newaxis])[0]
        return rows[holds] if holds.any() else rows

    def has_answer(
        self, questions: Sequence[questions_lib.Question], rows: np.ndarray
    ) -> np.ndarray:
        """Whether blocks are gold for their question; where none is, whether they hold an answer.

        Args:
          questions: One for each line of `rows`.
          rows: <int64>[num_questions, k] rows of the table; -1 is no block.

        Returns:
          <bool>[num_questions, k].
        """
        found = self._answer_rows.has_answer(questions, rows)
        for place, question in enumerate(questions):
            gold = self.of(question)
            if len(gold):
                found[place] = np.isin(rows[place], gold)
        return found
