# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Metrics of retrieval in open QA: the ranks of what should be found, and recall.

Recall@k is the share of questions that find, among the first k blocks, one that holds an answer (as
DPR and ORQA count it), or, among the first k documents, one that the question names. A document
stands where its best block stands, and takes one place however many of its blocks were found: what
is gold is a document, so documents are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from realm_tf.data.blocks import keys
from realm_tf.data.blocks import table as block_table
from realm_tf.data.questions import questions as questions_lib
from realm_tf.text import answer_matching

NOT_FOUND = -1
NOT_JUDGED = -2  # nothing is known about what should have been found


def answer_ranks(
    table: block_table.BlockTable, rows: np.ndarray, questions: Sequence[questions_lib.Question]
) -> np.ndarray:
    """A metric of retrieval: the rank of the first retrieved block that holds an answer.

    Args:
      table: The table of all blocks.
      rows: <int64>[num_questions, k] retrieved rows, best first; -1 is padding.
      questions: The questions, one for each row.

    Returns:
      <int64>[num_questions], 0 for the first place, or `NOT_FOUND`.
    """

    def rank(found: np.ndarray, question: questions_lib.Question) -> int:
        holds = (row >= 0 and holds_answer(table.text(row), question) for row in found.tolist())
        return next((place for place, held in enumerate(holds) if held), NOT_FOUND)

    return _ranks(rank, rows, questions)


def gold_ranks(
    table: block_table.BlockTable, rows: np.ndarray, questions: Sequence[questions_lib.Question]
) -> np.ndarray:
    """The rank, among the retrieved documents, of the first document that the question names.

    Args:
      table: The table of all blocks.
      rows: <int64>[num_questions, k] retrieved rows, best first; -1 is padding. There must be
        enough of them: a document whose blocks are all beyond the k-th is not found.
      questions: The questions, one for each row.

    Returns:
      <int64>[num_questions], the number of other documents before it, or `NOT_FOUND`, or
      `NOT_JUDGED` where the question names no document.
    """

    def rank(found: np.ndarray, question: questions_lib.Question) -> int:
        if not question.doc_ids:
            return NOT_JUDGED
        gold = np.array([keys.doc_key(doc_id) for doc_id in question.doc_ids], np.uint64)
        doc_keys = table.scalar("doc_key", found)
        places = np.flatnonzero((found >= 0) & np.isin(doc_keys, gold))
        if not len(places):
            return NOT_FOUND
        before = slice(0, places[0])
        return len(np.unique(doc_keys[before][found[before] >= 0]))

    return _ranks(rank, rows, questions)


def _ranks(
    rank: Callable[[np.ndarray, questions_lib.Question], int],
    rows: np.ndarray,
    questions: Sequence[questions_lib.Question],
) -> np.ndarray:
    pairs = zip(rows, questions, strict=True)
    return np.array([rank(*pair) for pair in pairs], np.int64)


def recall(ranks: np.ndarray, cutoffs: Sequence[int], name: str = "recall") -> dict[str, float]:
    """Share of the questions whose block or document is among the first k, for several k.

    Args:
      ranks: <int64>[num_questions] from `answer_ranks` or `gold_ranks`.
      cutoffs: Numbers of retrieved places to look at, e.g. 1, 5, 20.
      name: Name of the metric; its figures are called "<name>@<cutoff>".

    Returns:
      A figure for each cutoff, over the questions that can be judged; nothing if there are none.
    """
    judged = ranks[ranks != NOT_JUDGED]
    if not len(judged):
        return {}
    found = judged != NOT_FOUND
    return {f"{name}@{k}": float((found & (judged < k)).mean()) for k in cutoffs}


def holds_answer(text: str, question: questions_lib.Question) -> bool:
    """Whether a text that was retrieved holds one of the question's answers, which ranks it."""
    if question.is_regex:
        return answer_matching.regex_contains(text, question.answers)
    return answer_matching.contains(text, question.answers)
