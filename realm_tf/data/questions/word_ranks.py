# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The blocks that BM25 finds for every training question, found once.

On disk: `.npy` shards, one for a slice of the questions: <int32>[num_questions, depth] rows of the
block table, best first; -1 where no more blocks share a word with the question.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from realm_tf import artifacts
from realm_tf.data.questions import questions as questions_lib

KIND = "word_ranks"


def write_shard(path: str, rows: np.ndarray) -> None:
    """Writes the rows of a slice of the questions, atomically."""
    artifacts.write_array(path, rows.astype(np.int32))


class WordRanks:
    """Rows by question.

    Args:
      questions: All questions that they were made for.
      rows: <int32>[num_questions, depth].
    """

    def __init__(self, questions: Sequence[questions_lib.Question], rows: np.ndarray):
        self._places = {question.question_id: place for place, question in enumerate(questions)}
        self._rows = rows

    @classmethod
    def open(
        cls,
        segment: artifacts.Segment,
        blocks: artifacts.Segment,
        questions: Sequence[questions_lib.Question],
    ) -> WordRanks:
        """Opens what the job found, with 4 bytes in memory for each pair of question and block.

        Args:
          segment: Segment "word_ranks".
          blocks: Segment "blocks" that it was made from.
          questions: All questions that it was made from.

        Raises:
          UserError: If it was made from other blocks, or a file is damaged.
        """
        artifacts.require_made_from(segment, blocks)
        shards = [artifacts.map_array(path) for path in segment.files()]
        return cls(questions, np.concatenate(shards))

    def of(self, question: questions_lib.Question) -> np.ndarray:
        """The rows <int64>[at most depth] that were found for one of the questions, best first."""
        rows = self._rows[self._places[question.question_id]]
        found: np.ndarray = rows[rows >= 0].astype(np.int64)
        return found
