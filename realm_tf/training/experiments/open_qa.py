# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The experiment `realm/open_qa`: fine-tuning to answer questions (Guu et al., 2020, section 4.3).

A step has two phases: the questions are embedded with the current weights and the host searches
the frozen block vectors; then the device scores the blocks again and reads the best. The block
side is frozen, so the index never goes stale.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from official.core import config_definitions

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.data.questions import answer_rows as answer_rows_lib
from realm_tf.data.questions import gold_rows as gold_rows_lib
from realm_tf.data.questions import question_batches, supervision
from realm_tf.data.questions import questions as questions_lib
from realm_tf.data.questions import word_ranks as word_ranks_lib
from realm_tf.models import losses, span_scoring
from realm_tf.models import open_qa_model as model_lib
from realm_tf.retrieval import index as index_lib
from realm_tf.retrieval import vectors as vectors_lib
from realm_tf.text import packing
from realm_tf.training.engine import task, traced
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import system as system_lib

Search = Callable[[np.ndarray, int], types.RetrievedBlocks]
ReadInputs = Callable[
    [question_batches.QuestionBatch, types.RetrievedBlocks, np.ndarray], question_batches.ReadBatch
]
Gather = Callable[[np.ndarray], np.ndarray]
Mix = Callable[[question_batches.QuestionBatch, np.ndarray], np.ndarray]


class OpenQaTask(task.RealmTask):
    """Trains an `OpenQaModel`.

    Args:
      params: Model Garden's task config.
      open_qa_config: Numbers of searched and read blocks.
      max_span_width: Wordpieces of the reader's widest span.
      search: Query vectors and k to `RetrievedBlocks`.
      gather: Rows to block vectors, <float32>[..., embed_dim].
      read_inputs: Questions, what was retrieved and its vectors to the second phase.
      mix: Questions and rows that were found to the rows of the second phase; None: as found.
    """

    metric_names = (
        "answer_accuracy",
        "retriever_zeroed",
        "reader_zeroed",
        "answer_without_span",
        "span_without_answer",
    )
    has_host_phase = True

    def __init__(
        self,
        params: config_definitions.TaskConfig,
        *,
        open_qa_config: config_lib.OpenQaConfig,
        max_span_width: int,
        search: Search,
        gather: Gather,
        read_inputs: ReadInputs,
        mix: Mix | None = None,
        **kwargs: Any,
    ):
        super().__init__(params, **kwargs)
        self._config = open_qa_config
        self._max_span_width = max_span_width
        self._search = search
        self._gather = gather
        self._read_inputs = read_inputs
        self._mix = mix
        self._embed = traced.Traced(
            lambda model, question: model.embed(question, training=False),
            static_shapes=self.static_shapes,
        )

    def count(self, batch: question_batches.ReadBatch) -> float:
        """Questions."""
        return len(batch.joint.word_ids)

    def prepare(
        self, batch: question_batches.QuestionBatch, model: model_lib.OpenQaModel
    ) -> question_batches.ReadBatch:
        """Phase one: embed with current weights, search, and make the reader's inputs."""
        return self.find(batch, model)[1]

    def find(
        self, batch: question_batches.QuestionBatch, model: model_lib.OpenQaModel
    ) -> tuple[np.ndarray, question_batches.ReadBatch]:
        """As `prepare`, with the rows that were found, <int64>[batch_size, num_searched]."""
        question = batch.question if self.static_shapes else packing.trim(batch.question)
        query_emb = self._embed(model, tf.nest.map_structure(tf.constant, question)).numpy()
        # Of weights that have diverged there is nothing to search for; the step tells it.
        retrieved = self._search(np.nan_to_num(query_emb), self._config.num_searched)
        if self._mix is not None:  # the device scores the blocks anew
            retrieved = retrieved._replace(rows=self._mix(batch, retrieved.rows), scores=None)
        block_emb = self._gather(np.maximum(retrieved.rows, 0)).astype(np.float32)
        return retrieved.rows, self._read_inputs(batch, retrieved, block_emb)

    def best_spans(
        self, batch: question_batches.ReadBatch, model: Any
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The best span of every question: block read, first and last position, <int32>[B]."""
        inputs = model_lib.OpenQaInputs(batch.question, batch.joint, batch.block_emb)
        retriever_logits, span_logits = model(inputs, training=False)
        length, width = span_logits.shape[2:]
        logits, _, mask = self._spans(batch, retriever_logits, span_logits)
        best = tf.argmax(tf.where(mask, logits, logits.dtype.min), axis=-1, output_type=tf.int32)
        first = best // width % length
        return best // (width * length), first, first + best % width

    def device_part(self, batch: question_batches.ReadBatch) -> question_batches.ReadBatch:
        """Questions, and questions with blocks, each cut behind the longest of them."""
        return batch if self.static_shapes else question_batches.trim(batch)

    def loss_and_sums(
        self,
        batch: question_batches.ReadBatch,
        model: Any,
        *,
        training: bool,
        across: losses.Collectives,
    ) -> tuple[tf.Tensor, task.Sums]:
        """Phase two: retriever loss over the searched blocks, reader loss over all spans."""
        inputs = model_lib.OpenQaInputs(batch.question, batch.joint, batch.block_emb)
        retriever_logits, span_logits = model(inputs, training=training)
        retriever_loss, has_block = losses.marginal_correct_loss(
            retriever_logits,
            tf.cast(batch.retrieved_has_answer, tf.bool),
            tf.cast(batch.retrieved_mask, tf.bool),
            across.global_count,
        )
        logits, correct, mask = self._spans(batch, retriever_logits, span_logits)
        reader_loss, has_span = losses.marginal_correct_loss(
            logits, correct, mask, across.global_count
        )
        best = tf.argmax(tf.where(mask, logits, logits.dtype.min), axis=-1)
        hits = tf.cast(tf.gather(correct, best, batch_dims=1), tf.float32)
        count = tf.cast(tf.size(hits), tf.float32)
        sums = {
            "answer_accuracy": (tf.reduce_sum(hits), count),
            "retriever_zeroed": (count - tf.reduce_sum(has_block), count),
            "reader_zeroed": (count - tf.reduce_sum(has_span), count),
            **_disagreements(batch),
        }
        return retriever_loss + reader_loss, sums

    def _spans(
        self, batch: question_batches.ReadBatch, retriever_logits: tf.Tensor, span_logits: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """All spans of an example in a row: logits, which are correct, which exist."""
        num_read, length, width = tf.unstack(tf.shape(span_logits)[1:])
        logits = span_logits + retriever_logits[:, :num_read, tf.newaxis, tf.newaxis]
        correct = span_scoring.correct_spans(
            batch.answer_starts, batch.answer_ends, batch.answer_mask, length, width
        )
        mask = span_scoring.span_mask(batch.body_mask, self._max_span_width)
        flat = [-1, num_read * length * width]
        return tf.reshape(logits, flat), tf.reshape(correct, flat), tf.reshape(mask, flat)


def _disagreements(batch: question_batches.ReadBatch) -> task.Sums:
    """Where rule and reader differ, as shares of the read blocks.

    A block may hold an answer that no span stands for: it was cut off, is wider than a span, or is
    none in wordpieces; and, more rarely, wordpieces may be those of an answer that is none by the
    rule, such as one with other accents.
    """
    has_span = tf.reduce_any(batch.answer_mask > 0, axis=-1)
    has_answer = batch.retrieved_has_answer[:, : tf.shape(has_span)[1]] > 0
    # A small corpus has fewer blocks than are read.
    has_span = has_span[:, : tf.shape(has_answer)[1]]
    count = tf.cast(tf.size(has_span), tf.float32)
    return {
        "answer_without_span": (_count(has_answer & ~has_span), count),
        "span_without_answer": (_count(has_span & ~has_answer), count),
    }


def _count(which: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(which, tf.float32))


class Parts:
    """What all tasks of a run share: frozen vectors, their index, and which blocks hold answers.

    Args:
      context: Configuration and data of the run.
      start: The frozen block vectors.
      answer_rows: Which blocks hold answers.
      word_ranks: What BM25 finds for the questions that are trained on, if that is used.
    """

    def __init__(
        self,
        context: context_lib.Context,
        start: system_lib.System,
        answer_rows: answer_rows_lib.AnswerRows,
        word_ranks: word_ranks_lib.WordRanks | None = None,
    ):
        self._context, self._answer_rows = context, answer_rows
        self._word_ranks = word_ranks
        self._vectors = vectors_lib.VectorTable.open(start.snapshot.segment("vectors"))
        self._index = index_lib.Index.open(start.snapshot.segment("index"), self._vectors)

    def training_task(self, questions: Sequence[questions_lib.Question]) -> OpenQaTask:
        """The task of training on these questions, with `open_qa.supervision`."""
        config = self._context.config.open_qa
        settings = config.supervision
        if settings == config_lib.SupervisionConfig():
            return self.task(questions)
        gold_rows = None
        if settings.passages != "none":
            gold_rows = gold_rows_lib.GoldRows(self._context.knowledge, self._answer_rows)
        source = supervision.Supervision(config, word_ranks=self._word_ranks, gold_rows=gold_rows)

        def mix(batch: question_batches.QuestionBatch, rows: np.ndarray) -> np.ndarray:
            return source.mixed([questions[i] for i in batch.question_index.tolist()], rows)

        positives = gold_rows if settings.teaches_retriever else None
        return self.task(questions, mix=mix, positives=positives)

    def task(
        self,
        questions: Sequence[questions_lib.Question],
        *,
        mix: Mix | None = None,
        positives: question_batches.Positives | None = None,
    ) -> OpenQaTask:
        """The task of asking these questions, or of training on them.

        Args:
          questions: The questions.
          mix: See `OpenQaTask`.
          positives: What the retriever has to find; by default the blocks that hold an answer.
        """
        config, context = self._context.config, self._context
        width = config.model.reader.max_span_width

        def read_inputs(
            batch: question_batches.QuestionBatch,
            retrieved: types.RetrievedBlocks,
            block_emb: np.ndarray,
        ) -> question_batches.ReadBatch:
            return question_batches.read_inputs(
                context.knowledge,
                context.tokenizer,
                config.open_qa,
                questions,
                positives or self._answer_rows,
                batch,
                retrieved,
                block_emb,
                max_span_width=width,
            )

        return OpenQaTask(
            task.task_config(),
            open_qa_config=config.open_qa,
            max_span_width=width,
            search=self._index.search,
            gather=self._vectors.gather,
            read_inputs=read_inputs,
            mix=mix,
            **task.options(config.runtime),
        )
