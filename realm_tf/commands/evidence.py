# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a fine-tuned system retrieves for questions, and whether it could answer from that."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from realm_tf import types
from realm_tf.data.blocks import table as block_table
from realm_tf.data.questions import question_batches
from realm_tf.data.questions import questions as open_qa
from realm_tf.evaluation import predictions, retrieval_ranks
from realm_tf.training.run import context as context_lib
from serving import requests, signatures

_BATCH_SIZE = 32


def find(
    context: context_lib.Context,
    module: signatures.QaModule,
    questions: Sequence[open_qa.Question],
) -> list[predictions.Evidence]:
    """Searches for every question with the fine-tuned system.

    Answers are looked for in as many blocks as the largest k of `evaluation.recall_at`, named
    documents in those of `open_qa.num_searched` blocks.

    Args:
      context: The opened data of the run.
      module: The graph of the system.
      questions: The questions.
    """
    return [
        found
        for start in range(0, len(questions), _BATCH_SIZE)
        for found in _of_batch(context, module, questions[start : start + _BATCH_SIZE])
    ]


def _of_batch(
    context: context_lib.Context,
    module: signatures.QaModule,
    questions: Sequence[open_qa.Question],
) -> Iterator[predictions.Evidence]:
    table, config = context.knowledge, context.config
    num_read = min(config.open_qa.num_read, requests.MAX_READ)
    depth = max(*config.evaluation.recall_at, num_read)
    texts = tf.constant([question.question for question in questions])
    wanted = min(max(depth, config.open_qa.num_searched), len(table))
    rows, scores = (x.numpy() for x in module.search(texts, tf.fill([len(questions)], wanted)))
    found = zip(
        questions,
        rows[:, :num_read].tolist(),
        scores[:, :num_read].tolist(),
        retrieval_ranks.answer_ranks(table, rows[:, :depth], questions).tolist(),
        retrieval_ranks.gold_ranks(table, rows, questions).tolist(),
        _is_readable(context, questions, rows[:, :num_read]).tolist(),
        strict=True,
    )
    for question, read, of_read, answer_rank, gold_rank, is_readable in found:
        yield predictions.Evidence(
            depth=depth,
            answer_rank=answer_rank if answer_rank >= 0 else None,
            gold_rank=gold_rank if gold_rank >= 0 else None,
            is_readable=is_readable,
            blocks=tuple(map(_block, [table] * len(read), [question] * len(read), read, of_read)),
        )


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
    num_read = rows.shape[1]
    config = dataclasses.replace(
        context.config.open_qa, num_searched=num_read, num_read=num_read, max_answers=1
    )
    batches = question_batches.QuestionBatches(
        questions, context.tokenizer, config, seed=0, stage="evidence"
    )
    read = question_batches.read_inputs(
        context.knowledge,
        context.tokenizer,
        config,
        questions,
        batches.pack(np.arange(len(questions))),
        types.RetrievedBlocks(rows, None),
        np.zeros((len(questions), num_read, 0), np.float32),  # no loss, no vectors
        max_span_width=context.config.model.reader.max_span_width,
    )
    return np.any(read.answer_mask, axis=(1, 2))
