# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""BM25: retrieval by the words that question and block share (Robertson and Zaragoza, 2009).

The scores are those of Lucene's variant, by the library bm25s (Lu, 2024). Words are those of
`words`, as answers are compared: in NFD and lower case, without articles, and of scripts without
white space every character. The index is in memory; `Bm25.postings` is what a served graph keeps.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import bm25s
import numpy as np

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.data.blocks import table as block_table
from realm_tf.text import answer_matching, packing

logging.getLogger("bm25s").setLevel(logging.WARNING)  # it tells every step by itself

MAX_WORDS = 256  # of a question; the others count for nothing, so that none costs without bound


class Postings(NamedTuple):
    """Which rows hold which word, and what each adds to the score of its row.

    Attributes:
      words: All words.
      starts: Where the rows of each word begin, and where the last end, <int64>[num_words + 1].
      rows: <int32>[num_postings], ascending for each word.
      scores: <float32>[num_postings]; a row scores the sum over the words of a question, in their
        order.
    """

    words: Sequence[str]
    starts: np.ndarray
    rows: np.ndarray
    scores: np.ndarray


class Bm25:
    """A retriever by words.

    Args:
      texts: The texts that are searched, in the order of their rows.
      config: Parameters of the scores.
    """

    def __init__(self, texts: Iterable[str], config: config_lib.FusionConfig):
        self._ids: dict[str, int] = {}
        documents = [self._learned(answer_matching.comparable_words(text)) for text in texts]
        self._num_rows = len(documents)
        self._index = bm25s.BM25(k1=config.k1, b=config.b, method="lucene")
        if self._ids:
            self._index.index((documents, self._ids), create_empty_token=False, show_progress=False)

    def _learned(self, words: Sequence[str]) -> list[int]:
        return [self._ids.setdefault(word, len(self._ids)) for word in words]

    def search(self, questions: Sequence[str], k: int) -> types.RetrievedBlocks:
        """Searches for questions.

        Args:
          questions: Their texts.
          k: Number of rows for each question.

        Returns:
          <int64>[num_questions, k] rows and <float32> scores, best first, of equal ones the first
          row; -1 and -inf where no more rows share a word with the question.
        """
        shape = (len(questions), k)
        rows, scores = np.full(shape, -1, np.int64), np.full(shape, -np.inf, np.float32)
        for place, question in enumerate(questions):
            found = self._scores(question)
            best = _largest(found, k)
            rows[place, : len(best)], scores[place, : len(best)] = best, found[best]
        return types.RetrievedBlocks(rows, scores)

    def postings(self) -> Postings:
        """All of the index."""
        if not self._ids:
            return Postings((), *(np.zeros(n, t) for n, t in ((1, "i8"), (0, "i4"), (0, "f4"))))
        of = self._index.scores
        starts, rows = of["indptr"].astype(np.int64), of["indices"].astype(np.int32)
        return Postings(tuple(self._ids), starts, rows, of["data"])

    def _scores(self, question: str) -> np.ndarray:
        """The score of every row, <float32>[num_rows]; 0 where no word is shared."""
        words = answer_matching.comparable_words(question)[:MAX_WORDS]
        known = [self._ids[word] for word in words if word in self._ids]
        if not known:
            return np.zeros(self._num_rows, np.float32)
        scores: np.ndarray = self._index.get_scores_from_ids(known)
        return scores


def of_table(table: block_table.BlockTable, config: config_lib.FusionConfig, template: str) -> Bm25:
    """BM25 over blocks: their texts, and their titles where the embedder reads these, too.

    Args:
      table: The blocks.
      config: Parameters of the scores.
      template: Template of packed blocks; see `packing.pack_blocks`.
    """
    with_title = template != packing.BODY
    texts = (
        f"{table.title(row)} {table.text(row)}" if with_title else table.text(row)
        for row in range(len(table))
    )
    return Bm25(texts, config)


def _largest(scores: np.ndarray, k: int) -> np.ndarray:
    """The places <int64>[at most k] of the largest scores above 0, of equal ones the first."""
    if 0 < k < len(scores):
        least = np.partition(scores, -k)[-k]
        above, equal = np.flatnonzero(scores > least), np.flatnonzero(scores == least)
        places = np.concatenate([above, equal[: k - len(above)]])
    else:
        places = np.arange(len(scores))
    places = places[scores[places] > 0]
    return places[np.lexsort((places, -scores[places]))]
