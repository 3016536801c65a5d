# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What fine-tuning is shown besides the blocks that its own retriever finds: BM25's, and gold ones.

The blocks of a question stand in one row of a batch: those that are read, then all that the
retriever is taught with.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from realm_tf import config as config_lib
from realm_tf.data.questions import gold_rows as gold_rows_lib
from realm_tf.data.questions import questions as questions_lib
from realm_tf.data.questions import word_ranks as word_ranks_lib

_NONE = np.zeros(0, np.int64)


class Supervision:
    """Puts blocks among those that were found.

    Args:
      config: Numbers of searched and read blocks, and `supervision`.
      word_ranks: What BM25 found; None: nothing.
      gold_rows: Blocks of the documents that questions name; None: nothing.
    """

    def __init__(
        self,
        config: config_lib.OpenQaConfig,
        *,
        word_ranks: word_ranks_lib.WordRanks | None = None,
        gold_rows: gold_rows_lib.GoldRows | None = None,
    ):
        self._num_read, self._settings = config.num_read, config.supervision
        self._word_ranks, self._gold_rows = word_ranks, gold_rows

    def mixed(self, questions: Sequence[questions_lib.Question], found: np.ndarray) -> np.ndarray:
        """The rows of a batch, those that are read first.

        Args:
          questions: The questions of the batch.
          found: <int64>[batch_size, num_searched] rows that vectors found, best first.

        Returns:
          <int64>[batch_size, num_searched], each row once, -1 at the end where there are fewer.
          The last of what was found are those that give way.
        """
        mixed = np.full_like(found, -1)
        for place, question in enumerate(questions):
            rows = self._of_one(question, found[place][found[place] >= 0])[: found.shape[1]]
            mixed[place, : len(rows)] = rows
        return mixed

    def _of_one(self, question: questions_lib.Question, found: np.ndarray) -> np.ndarray:
        words = _NONE if self._word_ranks is None else self._word_ranks.of(question)
        words = words[: self._settings.bm25_blocks]
        gold = _NONE if self._gold_rows is None else self._gold_rows.of(question)
        read = self._read(words, found, gold)
        taught = gold if self._settings.teaches_retriever else _NONE
        return _distinct(read, taught, words, found)

    def _read(self, words: np.ndarray, found: np.ndarray, gold: np.ndarray) -> np.ndarray:
        first = {"dense": _NONE, "bm25": words, "both": _alternating(words, found)}
        read = _distinct(first[self._settings.read], found)[: self._num_read]
        if not self._settings.teaches_reader or not len(gold) or np.isin(read, gold).any():
            return read
        ranked = np.concatenate([found, words, gold])
        best = ranked[np.isin(ranked, gold)][:1]
        return np.concatenate([read[: self._num_read - 1], best])


def _alternating(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    size = min(len(left), len(right))
    return np.stack([left[:size], right[:size]], axis=1).ravel()


def _distinct(*rows: np.ndarray) -> np.ndarray:
    """All rows <int64>[any] in their order, each where it stands first."""
    every = np.concatenate(rows)
    return every[np.sort(np.unique(every, return_index=True)[1])]
