# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Batches of open QA, in two phases: the questions, and what was found for them.

The trainer embeds the questions of the first phase with its current weights and searches; the
second phase turns the blocks that were found into the inputs of the loss (ORQA, Lee et al., 2019).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from realm_tf import config, types
from realm_tf.data import sampling
from realm_tf.data.blocks import ragged
from realm_tf.data.blocks import table as block_table
from realm_tf.data.questions import answer_spans
from realm_tf.data.questions import questions as open_qa
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib


class QuestionBatches:
    """A pure function from batch index to a batch of packed questions.

    Args:
      questions: At least one.
      tokenizer: Of the block table and the models.
      cfg: Batch size and query length.
      seed: Of the run.
      stage: Name of the random stream; another name is another order.

    Raises:
      UserError: If there is no question.
    """

    def __init__(
        self,
        questions: Sequence[open_qa.Question],
        tokenizer: tokenizer_lib.Tokenizer,
        cfg: config.OpenQaConfig,
        *,
        seed: int,
        stage: str = "open_qa",
    ):
        self._tokenizer, self._cfg = tokenizer, cfg
        self._sampler = sampling.EpochSampler(len(questions), seed=seed, stage=stage)
        self._ids = [text.ids for text in tokenizer.encode([q.question for q in questions])]

    def make_batch(self, index: int) -> types.Batch:
        """Makes the batch `index`.

        Returns:
          `question`: EncoderInputs <int32>[batch_size, query_length].
          `question_index`: <int64>[batch_size] in the list of questions.
        """
        chosen = self._sampler.batch(index, self._cfg.batch_size)
        return self.pack(chosen)

    def pack(self, question_index: np.ndarray) -> types.Batch:
        """The batch of given questions, <int64>[batch_size]; returns what `make_batch` does."""
        ids = [self._ids[i] for i in question_index.tolist()]
        question = packing.pack_queries(ids, self._cfg.query_length, self._tokenizer)
        return {"question": question, "question_index": question_index.astype(np.int64)}


def read_inputs(
    table: block_table.BlockTable,
    tokenizer: tokenizer_lib.Tokenizer,
    cfg: config.OpenQaConfig,
    questions: Sequence[open_qa.Question],
    question_index: np.ndarray,
    retrieved: types.RetrievedBlocks,
    *,
    max_span_width: int,
) -> types.Batch:
    """Packs questions with the blocks found for them, and marks the answers.

    num_searched is at most the number of blocks in the table; the first num_read of the searched
    blocks are read. A slot without a block has mask 0 and an empty body.

    Args:
      table: That the retrieved rows belong to.
      tokenizer: Of the table.
      cfg: Numbers of searched and read blocks, lengths, and `max_answers`.
      questions: All questions.
      question_index: <int64>[batch_size] in `questions`.
      retrieved: Rows of the table, best first, one line a question; fewer or more columns than
        num_searched are padded or cut.
      max_span_width: In wordpieces; the reader cannot point at a wider answer.

    Returns:
      `rows`: <int64>[batch_size, num_searched], -1 where nothing was retrieved.
      `retrieved_mask`: <int32>[batch_size, num_searched].
      `retrieved_has_answer`: <int32>[batch_size, num_searched], 1 where any answer is in the body.
      `read_mask`: <int32>[batch_size, num_read].
      `joint`: EncoderInputs <int32>[batch_size, num_read, reader_length].
      `body_start`: <int32>[batch_size, num_read] position of the first body token in `joint`.
      `body_mask`: <int32>[batch_size, num_read, reader_length], 1 at body tokens.
      `answer_starts`, `answer_ends`: <int32>[batch_size, num_read, max_answers] positions in
        `joint` of the first and the last wordpiece of every answer, by position; answers that do
        not lie wholly in the packed body are left out.
      `answer_mask`: <int32>[batch_size, num_read, max_answers], 0 where padded.
    """
    rows = _columns(retrieved.rows, min(cfg.num_searched, len(table)))
    read = _columns(rows, cfg.num_read)
    asked = [questions[i] for i in question_index.tolist()]
    spans = _find_answers(table, tokenizer, asked, rows)
    joint, body_start = _pack(table, tokenizer, cfg, asked, read)
    body_limit = packing.body_limits(joint)
    positions = np.arange(cfg.reader_length)
    body_mask = (positions >= body_start[:, None]) & (positions < body_limit[:, None])
    batch = {
        "rows": rows,
        "retrieved_mask": (rows >= 0).astype(np.int32),
        "retrieved_has_answer": _has_answer(spans, rows.shape),
        "read_mask": (read >= 0).astype(np.int32),
        "joint": packing.reshape(joint, *read.shape),
        "body_start": body_start.reshape(read.shape),
        "body_mask": body_mask.astype(np.int32).reshape(*read.shape, -1),
    }
    placed = _place(spans, body_start, body_limit, cfg, max_span_width)
    return batch | {name: array.reshape(*read.shape, -1) for name, array in placed.items()}


def _columns(rows: np.ndarray, count: int) -> np.ndarray:
    """The first `count` columns <int64>[batch_size, count], padded with -1."""
    rows = np.asarray(rows, np.int64)[:, :count]
    return np.pad(rows, ((0, 0), (0, count - rows.shape[1])), constant_values=-1)


def _find_answers(
    table: block_table.BlockTable,
    tokenizer: tokenizer_lib.Tokenizer,
    questions: Sequence[open_qa.Question],
    rows: np.ndarray,
) -> list[answer_spans.AnswerSpans]:
    """Answers in the rows [batch_size, num_searched] of every question."""
    values, offsets = table.tokens_ragged()
    is_continuation = answer_spans.continuations(tokenizer)
    texts = [() if question.is_regex else question.answers for question in questions]
    answers = answer_spans.answer_token_ids(tokenizer, texts)
    return [
        answer_spans.find_regex_spans(table, of_question, question.answers)
        if question.is_regex
        else answer_spans.find_answer_spans(
            values, offsets, of_question, ids, is_continuation=is_continuation
        )
        for question, of_question, ids in zip(questions, rows, answers, strict=True)
    ]


def _has_answer(spans: Sequence[answer_spans.AnswerSpans], shape: tuple[int, ...]) -> np.ndarray:
    has_answer = np.zeros(shape, np.int32)
    for row, of_question in enumerate(spans):
        has_answer[row, of_question.slot] = 1
    return has_answer


def _pack(
    table: block_table.BlockTable,
    tokenizer: tokenizer_lib.Tokenizer,
    cfg: config.OpenQaConfig,
    questions: Sequence[open_qa.Question],
    read: np.ndarray,
) -> tuple[types.EncoderInputs, np.ndarray]:
    """Joint inputs of all read blocks, <int32>[batch_size * num_read, reader_length]."""
    longest = cfg.query_length - packing.QUERY_SPECIALS
    encoded = tokenizer.encode([question.question for question in questions])
    queries = [text.ids[:longest] for text in encoded for _ in range(read.shape[1])]
    bodies = ragged.take(table.tokens_ragged(), read.ravel())
    return packing.pack_joint(queries, bodies, cfg.reader_length, tokenizer)


def _place(
    spans: Sequence[answer_spans.AnswerSpans],
    body_start: np.ndarray,
    body_limit: np.ndarray,
    cfg: config.OpenQaConfig,
    max_span_width: int,
) -> types.Batch:
    """Answers as joint positions, <int32>[batch_size * num_read, max_answers] each."""
    slot, start, limit = np.concatenate(
        [
            np.stack(found)[:, found.slot < cfg.num_read] + [[i * cfg.num_read], [0], [0]]
            for i, found in enumerate(spans)
        ],
        axis=1,
    )
    start, limit = start + body_start[slot], limit + body_start[slot]
    usable = (limit <= body_limit[slot]) & (limit - start <= max_span_width)
    slot, start, limit = slot[usable], start[usable], limit[usable]
    place = np.arange(len(slot)) - np.searchsorted(slot, slot)  # slots are sorted
    first = place < cfg.max_answers
    at = slot[first], place[first]
    starts, ends, mask = np.zeros((3, len(body_start), cfg.max_answers), np.int32)
    starts[at], ends[at], mask[at] = start[first], limit[first] - 1, 1
    return {"answer_starts": starts, "answer_ends": ends, "answer_mask": mask}
