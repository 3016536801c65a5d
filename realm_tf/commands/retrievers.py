# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Retrievers side by side: the dense one, BM25, and their fusion."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping, Sequence

import numpy as np

from realm_tf import config as config_lib
from realm_tf.data.blocks import table as block_table
from realm_tf.data.questions import questions as open_qa
from realm_tf.evaluation import retrieval_ranks
from realm_tf.retrieval import bm25, fusion
from realm_tf.text import packing
from realm_tf.training.run import context as context_lib

BM25, FUSED = "bm25", "bm25+"

_LOGGER = logging.getLogger(__name__)


def compare(
    context: context_lib.Context,
    questions: Sequence[open_qa.Question],
    rankings: Mapping[str, np.ndarray],
) -> dict[str, dict[str, float]]:
    """Recall of BM25, of every dense ranking, and of every one fused with BM25.

    Args:
      context: The opened data of the run.
      questions: The questions.
      rankings: Name to the rows <int64>[num_questions, depth] that were found, best first.

    Returns:
      `bm25`, the names of the rankings, and "bm25+" before them, each to what `recall` gives; the
      rankings alone if there are more blocks than `retrieval.fusion.max_blocks`.
    """
    settings = context.config.retrieval.fusion
    found = dict(rankings)
    if len(context.knowledge) > settings.max_blocks:
        _LOGGER.info(
            "BM25 is left out: %d blocks are more than retrieval.fusion.max_blocks.",
            len(context.knowledge),
        )
    else:
        depth = max(ranking.shape[1] for ranking in rankings.values())
        with_title = context.config.blocks.template != packing.BODY
        by_words = _bm25(context.knowledge, settings, with_title)
        words = by_words.search([question.question for question in questions], depth).rows
        found = {BM25: words, **rankings}
        for name, ranking in rankings.items():
            found[f"{FUSED}{name}"] = fusion.fuse([words, ranking], depth, settings).rows
    return {name: recall(context, rows, questions) for name, rows in found.items()}


def recall(
    context: context_lib.Context, rows: np.ndarray, questions: Sequence[open_qa.Question]
) -> dict[str, float]:
    """`recall@k` by answer and `gold_recall@k` by named document of rows that were found."""
    table, cutoffs = context.knowledge, context.config.evaluation.recall_at
    by_answer = retrieval_ranks.answer_ranks(table, rows[:, : max(cutoffs)], questions)
    by_document = retrieval_ranks.gold_ranks(table, rows, questions)
    return {
        **retrieval_ranks.recall(by_answer, cutoffs, "recall"),
        **retrieval_ranks.recall(by_document, cutoffs, "gold_recall"),
    }


@functools.lru_cache(maxsize=1)  # the systems of a run search the same blocks
def _bm25(
    table: block_table.BlockTable, settings: config_lib.FusionConfig, with_title: bool
) -> bm25.Bm25:
    texts = (
        f"{table.title(row)} {table.text(row)}" if with_title else table.text(row)
        for row in range(len(table))
    )
    return bm25.Bm25(texts, settings)
