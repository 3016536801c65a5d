# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Batches of open QA, in two phases: the questions, and what was found for them.

The trainer embeds the questions of the first phase with its current weights and searches; the
second phase turns the blocks that were found into the inputs of the loss (ORQA, Lee et al., 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from realm_tf import config, types
from realm_tf.data import sampling
from realm_tf.data.blocks import table as block_table
from realm_tf.data.questions import answer_spans
from realm_tf.data.questions import questions as open_qa
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib


class QuestionBatch(NamedTuple):
    """The first phase: what is embedded and searched for.

    Attributes:
      question: EncoderInputs <int32>[batch_size, query_length].
      question_index: <int64>[batch_size] places in the list of questions.
      answer_ids: <object>[batch_size] lists of the wordpieces <int32>[any] of every answer, none of
        a question whose answers are patterns: made here, where the device need not wait for it.
    """

    question: types.EncoderInputs
    question_index: np.ndarray
    answer_ids: np.ndarray


class ReadBatch(NamedTuple):
    """The second phase: what was found, and where the answers stand in it.

    Attributes:
      question: EncoderInputs <int32>[batch_size, query_length].
      block_emb: <float32>[batch_size, num_searched, embed_dim] vectors of the searched blocks.
      retrieved_mask: <int32>[batch_size, num_searched], 0 where nothing was retrieved.
      retrieved_has_answer: <int32>[batch_size, num_searched], 1 where the block holds an answer,
        or, with passage supervision, where it is of a document that the question names.
      joint: EncoderInputs <int32>[batch_size, num_read, reader_length].
      body_mask: <int32>[batch_size, num_read, reader_length], 1 at body tokens.
      answer_starts: <int32>[batch_size, num_read, max_answers] positions in `joint` of the first
        wordpiece of every answer, by position; answers that do not lie wholly in the packed body
        are left out.
      answer_ends: <int32>[batch_size, num_read, max_answers] positions of the last wordpieces.
      answer_mask: <int32>[batch_size, num_read, max_answers], 0 where padded.
    """

    question: types.EncoderInputs
    block_emb: np.ndarray
    retrieved_mask: np.ndarray
    retrieved_has_answer: np.ndarray
    joint: types.EncoderInputs
    body_mask: np.ndarray
    answer_starts: np.ndarray
    answer_ends: np.ndarray
    answer_mask: np.ndarray


def trim(batch: ReadBatch) -> ReadBatch:
    """The batch without the columns behind its longest question, and its longest joint text."""
    joint = packing.trim(batch.joint)
    return batch._replace(
        question=packing.trim(batch.question),
        joint=joint,
        body_mask=batch.body_mask[..., : joint.mask.shape[-1]],
    )


class Positives(Protocol):
    """What the retriever has to find: `answer_rows.AnswerRows`, or `gold_rows.GoldRows`."""

    def has_answer(self, questions: Sequence[open_qa.Question], rows: np.ndarray) -> np.ndarray:
        """Rows <int64>[num_questions, k] to which of them are to be found, <bool>."""


class QuestionBatches:
    """A pure function from batch index to a batch of packed questions.

    Args:
      questions: At least one question.
      tokenizer: Tokenizer of the block table and the models.
      open_qa_config: Batch size and query length.
      seed: Seed of the run.
      stage: Name of the random stream; another name is another order.

    Raises:
      UserError: If there is no question.
    """

    def __init__(
        self,
        questions: Sequence[open_qa.Question],
        tokenizer: tokenizer_lib.Tokenizer,
        open_qa_config: config.OpenQaConfig,
        *,
        seed: int,
        stage: str = "open_qa",
    ):
        self._questions, self._tokenizer, self._config = questions, tokenizer, open_qa_config
        self._sampler = sampling.EpochSampler(len(questions), seed=seed, stage=stage)
        encoded = tokenizer.encode([q.question for q in questions])
        self._ids = types.Ragged.of([text.ids for text in encoded])

    def records(self, index: int) -> list[str]:
        """Names of what the batch `index` is made of, for messages."""
        places = self._sampler.batch(index, self._config.batch_size).tolist()
        return [f"question {self._questions[place].question_id}" for place in places]

    def make_batch(self, index: int) -> QuestionBatch:
        """Makes the batch `index`."""
        return self.pack(self._sampler.batch(index, self._config.batch_size))

    def pack(self, question_index: np.ndarray) -> QuestionBatch:
        """The batch of given questions, <int64>[batch_size] places in the list of questions."""
        ids = self._ids.take(question_index)
        question = packing.pack_queries(ids, self._config.query_length, self._tokenizer)
        asked = [self._questions[i] for i in question_index.tolist()]
        answers = [() if q.is_regex else q.answers for q in asked]
        answer_ids = answer_spans.answer_token_ids(self._tokenizer, answers)
        # An array, and not a list: workers take their rows of everything that a batch holds.
        by_question = np.fromiter(answer_ids, object, len(asked))
        return QuestionBatch(question, question_index.astype(np.int64), by_question)


def read_inputs(
    table: block_table.BlockTable,
    tokenizer: tokenizer_lib.Tokenizer,
    open_qa_config: config.OpenQaConfig,
    questions: Sequence[open_qa.Question],
    positives: Positives,
    batch: QuestionBatch,
    retrieved: types.RetrievedBlocks,
    block_emb: np.ndarray,
    *,
    max_span_width: int,
) -> ReadBatch:
    """Packs questions with the blocks found for them, and marks the answers.

    num_searched is at most the number of blocks in the table; the first num_read of the searched
    blocks are read. A slot without a block has mask 0 and an empty body.

    Args:
      table: Table that the retrieved rows belong to.
      tokenizer: Tokenizer of the table.
      open_qa_config: Numbers of searched and read blocks, lengths, and `max_answers`.
      questions: All questions.
      positives: Which rows the retriever has to find for them.
      batch: The first phase.
      retrieved: Rows of the table, best first, one line a question; fewer or more columns than
        num_searched are padded or cut.
      block_emb: <float32>[batch_size, num_searched, embed_dim] their vectors.
      max_span_width: Wordpieces of the widest span; the reader cannot point at a wider answer.
    """
    rows = _columns(retrieved.rows, min(open_qa_config.num_searched, len(table)))
    asked = [questions[i] for i in batch.question_index.tolist()]
    read = mark_answers(
        table, tokenizer, open_qa_config, asked, batch, rows, max_span_width=max_span_width
    )
    return ReadBatch(
        question=batch.question,
        block_emb=block_emb,
        retrieved_mask=(rows >= 0).astype(np.int32),
        retrieved_has_answer=positives.has_answer(asked, rows).astype(np.int32),
        **read._asdict(),
    )


class MarkedBlocks(NamedTuple):
    """The blocks that are read, and the answers in them: the last fields of a `ReadBatch`."""

    joint: types.EncoderInputs
    body_mask: np.ndarray
    answer_starts: np.ndarray
    answer_ends: np.ndarray
    answer_mask: np.ndarray


def mark_answers(
    table: block_table.BlockTable,
    tokenizer: tokenizer_lib.Tokenizer,
    open_qa_config: config.OpenQaConfig,
    asked: Sequence[open_qa.Question],
    batch: QuestionBatch,
    rows: np.ndarray,
    *,
    max_span_width: int,
) -> MarkedBlocks:
    """Packs the questions of a batch with the blocks that are read, and marks the answers.

    Args:
      table: Table of the blocks.
      tokenizer: Tokenizer of the table.
      open_qa_config: Number of read blocks, lengths, and `max_answers`.
      asked: The questions of the batch.
      batch: The first phase.
      rows: <int64>[batch_size, any] rows that were found, best first; the first num_read are read.
      max_span_width: Wordpieces of the widest span; the reader cannot point at a wider answer.
    """
    read = _columns(rows, open_qa_config.num_read)
    spans = _find_answers(table, tokenizer, asked, batch.answer_ids, read)
    joint, body_start = _pack(table, tokenizer, open_qa_config, batch.question, read)
    body_limit = packing.body_limits(joint)
    positions = np.arange(open_qa_config.reader_length)
    body_mask = (positions >= body_start[:, None]) & (positions < body_limit[:, None])
    placed = _place(spans, body_start, body_limit, open_qa_config, max_span_width)
    starts, ends, mask = (array.reshape(*read.shape, -1) for array in placed)
    return MarkedBlocks(
        joint=packing.reshape(joint, *read.shape),
        body_mask=body_mask.astype(np.int32).reshape(*read.shape, -1),
        answer_starts=starts,
        answer_ends=ends,
        answer_mask=mask,
    )


def _columns(rows: np.ndarray, count: int) -> np.ndarray:
    """The first `count` columns <int64>[batch_size, count], padded with -1."""
    rows = np.asarray(rows, np.int64)[:, :count]
    return np.pad(rows, ((0, 0), (0, count - rows.shape[1])), constant_values=-1)


def _find_answers(
    table: block_table.BlockTable,
    tokenizer: tokenizer_lib.Tokenizer,
    questions: Sequence[open_qa.Question],
    answer_ids: np.ndarray,
    rows: np.ndarray,
) -> list[answer_spans.AnswerSpans]:
    """Answers in the rows [batch_size, num_read] of every question."""
    is_continuation = answer_spans.continuations(tokenizer)
    return [
        answer_spans.find_regex_spans(table, of_question, question.answers)
        if question.is_regex
        else answer_spans.merge(
            [
                answer_spans.find_answer_spans(
                    table.take("token_ids", of_question), ids, is_continuation=is_continuation
                ),
                answer_spans.find_text_spans(table, of_question, question.answers),
            ]
        )
        for question, of_question, ids in zip(questions, rows, answer_ids, strict=True)
    ]


def _pack(
    table: block_table.BlockTable,
    tokenizer: tokenizer_lib.Tokenizer,
    open_qa_config: config.OpenQaConfig,
    question: types.EncoderInputs,
    read: np.ndarray,
) -> tuple[types.EncoderInputs, np.ndarray]:
    """Joint inputs of all read blocks, <int32>[batch_size * num_read, reader_length]."""
    queries = packing.unpack_queries(question)
    bodies = table.take("token_ids", read.ravel())
    return packing.pack_joint(
        queries.repeat(read.shape[1]), bodies, open_qa_config.reader_length, tokenizer
    )


def _place(
    spans: Sequence[answer_spans.AnswerSpans],
    body_start: np.ndarray,
    body_limit: np.ndarray,
    open_qa_config: config.OpenQaConfig,
    max_span_width: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Starts, ends and mask of answers, <int32>[batch_size * num_read, max_answers] each."""
    slot, start, limit = np.concatenate(
        [
            np.add(np.stack(found), [[i * open_qa_config.num_read], [0], [0]])
            for i, found in enumerate(spans)
        ],
        axis=1,
    )
    start, limit = start + body_start[slot], limit + body_start[slot]
    usable = (limit <= body_limit[slot]) & (limit - start <= max_span_width)
    slot, start, limit = slot[usable], start[usable], limit[usable]
    place = np.arange(len(slot)) - np.searchsorted(slot, slot)  # slots are sorted
    first = place < open_qa_config.max_answers
    at = slot[first], place[first]
    starts, ends, mask = np.zeros((3, len(body_start), open_qa_config.max_answers), np.int32)
    starts[at], ends[at], mask[at] = start[first], limit[first] - 1, 1
    return starts, ends, mask
