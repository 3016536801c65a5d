# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Retrievers side by side: the dense ones, BM25, and their fusions."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping, Sequence

import numpy as np

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.data.blocks import table as block_table
from realm_tf.data.questions import questions as open_qa
from realm_tf.evaluation import retrieval_ranks
from realm_tf.retrieval import bm25, fusion
from realm_tf.training.run import context as context_lib

BM25, FUSED = "bm25", "bm25+"

_LOGGER = logging.getLogger(__name__)


def beside(
    context: context_lib.Context,
    questions: Sequence[open_qa.Question],
    dense: Mapping[str, types.RetrievedBlocks],
) -> dict[str, types.RetrievedBlocks]:
    """What BM25 finds, what dense retrievers have found, and every one of these fused with BM25.

    Args:
      context: The opened data of the run.
      questions: The questions.
      dense: Name to what was found, [num_questions, any].

    Returns:
      `bm25`, the names given, and "bm25+" before them; the given ones alone if there are more
      blocks than `retrieval.fusion.max_blocks`. The score of a block that BM25 or a fusion found is
      the logarithm of its score by ranks (see `fusion`), which is on the scale of a logit; -1 and
      -inf where nothing more is found.
    """
    settings, template = context.config.retrieval.fusion, context.config.blocks.template
    if len(context.knowledge) > settings.max_blocks:
        _LOGGER.info(
            "BM25 is left out: %d blocks are more than retrieval.fusion.max_blocks.",
            len(context.knowledge),
        )
        return dict(dense)
    depth = max(found.rows.shape[1] for found in dense.values())
    texts = tuple(question.question for question in questions)
    words = _by_words(context.knowledge, settings, template, texts, depth)
    found = {BM25: _fused([words], words.shape[1], settings), **dense}
    for name, by_vectors in dense.items():
        found[f"{FUSED}{name}"] = _fused([words, by_vectors.rows], depth, settings)
    return found


def _fused(
    rankings: Sequence[np.ndarray], k: int, settings: config_lib.FusionConfig
) -> types.RetrievedBlocks:
    fused = fusion.fuse(rankings, k, settings)
    logs = np.log(fused.scores, out=np.full_like(fused.scores, -np.inf), where=fused.rows >= 0)
    return types.RetrievedBlocks(fused.rows, logs)


def recall(
    context: context_lib.Context, rows: np.ndarray, questions: Sequence[open_qa.Question]
) -> dict[str, float]:
    """Recall of one of the retrievers: `recall@k` by answer, `gold_recall@k` by named document."""
    table, cutoffs = context.knowledge, context.config.evaluation.recall_at
    by_answer = retrieval_ranks.answer_ranks(table, rows[:, : max(cutoffs)], questions)
    by_document = retrieval_ranks.gold_ranks(table, rows, questions)
    return {
        **retrieval_ranks.recall(by_answer, cutoffs, "recall"),
        **retrieval_ranks.recall(by_document, cutoffs, "gold_recall"),
    }


@functools.lru_cache(maxsize=1)  # the systems of a run search the same blocks
def _by_words(
    table: block_table.BlockTable,
    settings: config_lib.FusionConfig,
    template: str,
    questions: tuple[str, ...],
    depth: int,
) -> np.ndarray:
    """The rows <int64>[num_questions, depth] that BM25 finds, best first; -1 is padding."""
    rows: np.ndarray = bm25.of_table(table, settings, template).search(questions, depth).rows
    return rows
