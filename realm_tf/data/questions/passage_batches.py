# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Batches of the supervised dual encoder: questions, the blocks that answer them, and wrong ones.

As DPR has it (Karpukhin et al., 2020, section 3.2): the right block is one of the passage that the
question names, else the best that BM25 finds with the answer in it; hard negatives are blocks that
BM25 finds without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.data import sampling
from realm_tf.data.blocks import table as block_table
from realm_tf.data.questions import answer_rows as answer_rows_lib
from realm_tf.data.questions import gold_rows as gold_rows_lib
from realm_tf.data.questions import questions as questions_lib
from realm_tf.data.questions import word_ranks as word_ranks_lib
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib

_STAGE = "dual_encoder"
_NONE = np.zeros(0, np.int64)


class PassageBatch(NamedTuple):
    """Questions and their blocks.

    Attributes:
      query: EncoderInputs <int32>[batch_size, query_length].
      block: EncoderInputs <int32>[batch_size, 1 + hard_negatives, block_length]; the first of a
        question is right.
    """

    query: types.EncoderInputs
    block: types.EncoderInputs


class Judge:
    """Which blocks are right for a question, and which are wrong.

    Args:
      gold_rows: Blocks of the documents that questions name.
      answer_rows: Blocks that hold an answer.
      word_ranks: What BM25 finds; None: nothing.
    """

    def __init__(
        self,
        gold_rows: gold_rows_lib.GoldRows,
        answer_rows: answer_rows_lib.AnswerRows,
        word_ranks: word_ranks_lib.WordRanks | None,
    ):
        self._gold_rows, self._answer_rows, self._word_ranks = gold_rows, answer_rows, word_ranks

    def right(self, question: questions_lib.Question) -> np.ndarray:
        """The rows <int64>[any] that are right; none where none is known."""
        gold = self._gold_rows.of(question)
        if len(gold) or self._word_ranks is None:
            return gold
        words = self._word_ranks.of(question)
        return words[self._holds(question, words)][:1]

    def wrong(self, question: questions_lib.Question, rows: np.ndarray) -> np.ndarray:
        """Those of rows <int64>[n] that are neither gold nor hold an answer, in their order."""
        return rows[~self._holds(question, rows) & ~np.isin(rows, self._gold_rows.of(question))]

    def hard(self, question: questions_lib.Question) -> np.ndarray:
        """The wrong rows <int64>[any] that BM25 finds, best first."""
        words = _NONE if self._word_ranks is None else self._word_ranks.of(question)
        return self.wrong(question, words)

    def _holds(self, question: questions_lib.Question, rows: np.ndarray) -> np.ndarray:
        held: np.ndarray = self._answer_rows.has_answer([question], rows[np.newaxis])[0]
        return held


class PassageBatches:
    """A pure function from batch index to a batch of questions and blocks.

    Args:
      questions: To train on; those without a right block are left out.
      table: The blocks.
      tokenizer: Tokenizer that the table was made with.
      judge: Which blocks are right and wrong.
      config: Batch size, query length and number of hard negatives.
      blocks: Length and template of packed blocks.
      seed: Seed of the run.

    Attributes:
      num_questions: How many questions are trained on.

    Raises:
      UserError: If no question has a right block.
    """

    def __init__(
        self,
        questions: Sequence[questions_lib.Question],
        table: block_table.BlockTable,
        tokenizer: tokenizer_lib.Tokenizer,
        judge: Judge,
        config: config_lib.DualEncoderConfig,
        blocks: config_lib.BlocksConfig,
        *,
        seed: int,
    ):
        self._table, self._tokenizer, self._judge = table, tokenizer, judge
        self._config, self._blocks, self._seed = config, blocks, seed
        self._questions = [question for question in questions if len(judge.right(question))]
        self.num_questions = len(self._questions)
        if not self._questions:
            raise types.UserError(
                "No training question has a block that is known to be right: none names a document"
                " of the corpus (doc_ids), and BM25 finds none with an answer. Set"
                " dual_encoder.steps to 0, or give questions with doc_ids."
            )
        self._sampler = sampling.EpochSampler(self.num_questions, seed=seed, stage=_STAGE)
        encoded = tokenizer.encode([question.question for question in self._questions])
        self._ids = types.Ragged.of([text.ids for text in encoded])

    def records(self, index: int) -> list[str]:
        """Names of what the batch `index` is made of, for messages."""
        places = self._sampler.batch(index, self._config.batch_size).tolist()
        return [f"question {self._questions[place].question_id}" for place in places]

    def make_batch(self, index: int) -> PassageBatch:
        """Makes the batch `index`."""
        places = self._sampler.batch(index, self._config.batch_size)
        rng = sampling.generator(self._seed, f"{_STAGE}/blocks", index)
        rows = np.stack([self._rows(self._questions[place], rng) for place in places.tolist()])
        titles, bodies = (self._table.take(n, rows.ravel()) for n in ("title_ids", "token_ids"))
        packed = packing.pack_blocks(
            titles, bodies, self._blocks.length, self._tokenizer, template=self._blocks.template
        )
        ids = self._ids.take(places)
        return PassageBatch(
            packing.pack_queries(ids, self._config.query_length, self._tokenizer),
            packing.reshape(packed, *rows.shape),
        )

    def _rows(self, question: questions_lib.Question, rng: np.random.Generator) -> np.ndarray:
        """A right row, and as many wrong ones as there are to be, <int64>[1 + hard_negatives].

        Where BM25 finds too few, they are drawn from all blocks, and then may repeat each other.
        """
        right, count = self._judge.right(question), self._config.hard_negatives
        hard = rng.permutation(self._judge.hard(question))[:count]
        if len(hard) < count:
            drawn = rng.integers(0, len(self._table), 8 * count)
            others = self._judge.wrong(question, drawn)
            # Where all blocks hold the answer there is no negative: the batch has others.
            hard = np.concatenate([hard, others, drawn])[:count]
        return np.concatenate([rng.choice(right, 1), hard])
