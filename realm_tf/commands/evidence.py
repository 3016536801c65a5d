# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a fine-tuned system retrieves for questions, and whether it could answer from that."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf import types
from realm_tf.data.blocks import table as block_table
from realm_tf.data.questions import question_batches
from realm_tf.data.questions import questions as open_qa
from realm_tf.evaluation import predictions, retrieval_ranks
from realm_tf.retrieval import exact_search
from realm_tf.training.run import context as context_lib
from serving import requests, signatures

_BATCH_SIZE = 32


def search(
    context: context_lib.Context,
    module: signatures.QaModule,
    questions: Sequence[open_qa.Question],
    *,
    by_vectors: bool = False,
) -> types.RetrievedBlocks:
    """Searches for every question with the fine-tuned system.

    The search is as deep as `open_qa.num_searched` and the largest k of `evaluation.recall_at`.

    Args:
      context: The opened data of the run.
      module: The graph of the system.
      questions: The questions.
      by_vectors: Whether it searches by vectors alone, though it answers from a fusion.

    Returns:
      <int64>[num_questions, depth] rows and <float32> scores, best first.
    """
    search = module.search
    if by_vectors:
        search = tf.function(module.retriever.search_by_vectors, autograph=False)
    wanted = max(_depth(context), context.config.open_qa.num_searched)
    k = min(wanted, len(context.knowledge))
    found = []
    for start in range(0, len(questions), _BATCH_SIZE):
        texts = tf.constant([q.question for q in questions[start : start + _BATCH_SIZE]])
        rows, scores = search(texts, tf.fill(tf.shape(texts), k))
        found.append(types.RetrievedBlocks(rows.numpy(), scores.numpy()))
    return exact_search.joined(found, k)


def of(
    context: context_lib.Context,
    questions: Sequence[open_qa.Question],
    found: types.RetrievedBlocks,
) -> list[predictions.Evidence]:
    """The evidence that a system found for questions, judged by right answers and named documents.

    Args:
      context: The opened data of the run.
      questions: The questions.
      found: What `search` found for them, or another retriever; row -1 where it found no more.
    """
    table, count, depth = context.knowledge, num_read(context), _depth(context)
    answer_ranks = retrieval_ranks.answer_ranks(table, found.rows[:, :depth], questions)
    gold_ranks = retrieval_ranks.gold_ranks(table, found.rows, questions)
    is_readable = _is_readable(context, questions, found.rows[:, :count])
    return [
        predictions.Evidence(
            depth=depth,
            answer_rank=_place(answer_ranks[i]),
            gold_rank=_place(gold_ranks[i]),
            is_readable=bool(is_readable[i]),
            blocks=tuple(
                _block(table, question, row, score)
                for row, score in zip(
                    found.rows[i, :count].tolist(),
                    found.scores[i, :count].tolist(),
                    strict=True,
                )
                if row >= 0
            ),
        )
        for i, question in enumerate(questions)
    ]


def num_read(context: context_lib.Context) -> int:
    """How many blocks are read for a question, at most those that there are."""
    wanted = context.config.answering.open_qa.num_read
    return min(wanted, requests.MAX_READ, len(context.knowledge))


def _depth(context: context_lib.Context) -> int:
    """In how many blocks answers are looked for."""
    return max(*context.config.evaluation.recall_at, num_read(context))


def _place(rank: int) -> int | None:
    return int(rank) if rank >= 0 else None


def _block(
    table: block_table.BlockTable, question: open_qa.Question, row: int, score: float
) -> predictions.ReadBlock:
    text = table.text(row)
    return predictions.ReadBlock(
        block_id=int(table.block_ids[row]),
        doc_id=table.doc_id(row),
        title=table.title(row),
        text=text,
        score=score,
        holds_answer=retrieval_ranks.holds_answer(text, question),
    )


def _is_readable(
    context: context_lib.Context, questions: Sequence[open_qa.Question], rows: np.ndarray
) -> np.ndarray:
    """Whether the reader can point to an answer in the blocks that it reads, <bool>[n].

    As in training: the answer lies within what is read of a block, and is no wider than a span.
    """
    config = context.config.answering.open_qa
    batches = question_batches.QuestionBatches(
        questions, context.tokenizer, config, seed=0, stage="evidence"
    )
    read = question_batches.mark_answers(
        context.knowledge,
        context.tokenizer,
        config,
        questions,
        batches.pack(np.arange(len(questions))),
        rows,
        max_span_width=context.config.model.reader.max_span_width,
    )
    return np.any(read.answer_mask, axis=(1, 2))
