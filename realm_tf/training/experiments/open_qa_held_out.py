# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Exact match on training questions that are held out: what the best checkpoint is chosen by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.data.blocks import keys
from realm_tf.data.blocks import table as block_table
from realm_tf.data.examples import held_out
from realm_tf.data.questions import question_batches
from realm_tf.data.questions import questions as questions_lib
from realm_tf.evaluation import answer_scores
from realm_tf.models import open_qa_model as model_lib
from realm_tf.training.engine import example_tables

Questions = Sequence[questions_lib.Question]


def split(questions: Questions, fraction: float) -> tuple[Questions, Questions]:
    """Holds out training questions, by hash of the first document that they name, or of their text.

    The documents are those that are held out from the masked spans, too.

    Args:
      questions: Any number of them.
      fraction: Expected share that is held out.

    Returns:
      The questions to train on and those that are held out.
    """
    names = [q.doc_ids[0] if q.doc_ids else q.question for q in questions]
    hashes = np.array([keys.doc_key(name) for name in names], np.uint64)
    is_held_out = held_out.is_held_out(hashes, fraction).tolist()
    pairs = list(zip(questions, is_held_out, strict=True))
    return [q for q, held in pairs if not held], [q for q, held in pairs if held]


class HeldOut:
    """Asks a model the held-out questions, with the parts of its training.

    Args:
      questions: Asked at every measurement; at least one.
      batches: Batches of these questions.
      task: An `OpenQaTask` of these questions: it searches, and makes the reader's inputs.
      table: Blocks that are searched.
      batch_size: Questions that are asked at a time.
    """

    def __init__(
        self,
        questions: Questions,
        batches: question_batches.QuestionBatches,
        task: Any,
        table: block_table.BlockTable,
        *,
        batch_size: int,
    ):
        self._questions, self._batches, self._task = questions, batches, task
        self._table, self._batch_size = table, batch_size
        self._best = tf.function(task.best_spans)

    def exact_match(self, model: Any) -> float:
        """Share of the questions whose best span is a right answer."""
        pairs = zip(self.answers(model), self._questions, strict=True)
        return float(np.mean([answer_scores.is_correct(*pair) for pair in pairs]))

    def answers(self, model: Any) -> list[str]:
        """The best span of every question; "" where nothing is read."""
        places = np.arange(len(self._questions))
        starts = range(0, len(places), self._batch_size)
        return [
            text
            for start in starts
            for text in self._answer(places[start : start + self._batch_size], model)
        ]

    def examples(self, model: Any) -> list[example_tables.Example]:
        """What the first questions find, and the answers that are read."""
        places = np.arange(min(len(self._questions), example_tables.COUNT))
        rows, batch = self._task.find(self._batches.pack(places), model)
        inputs = model_lib.OpenQaInputs(batch.question, batch.joint, batch.block_emb)
        scores = model(tf.nest.map_structure(tf.constant, inputs), training=False)[0].numpy()
        read = batch.joint.word_ids.shape[1]
        return [
            example_tables.Example(
                query=self._questions[i].question,
                expected=" / ".join(self._questions[i].answers),
                predicted={"": answer},
                retrieved=[
                    (self._table.title(row), float(score))
                    for row, score in zip(rows[i, :read].tolist(), scores[i], strict=False)
                    if row >= 0
                ],
            )
            for i, answer in enumerate(self._answer(places, model))
        ]

    def _answer(self, places: np.ndarray, model: Any) -> list[str]:
        rows, batch = self._task.find(self._batches.pack(places), model)
        found = self._best(tf.nest.map_structure(tf.convert_to_tensor, batch), model)
        spans = zip(*(part.numpy().tolist() for part in found), strict=True)
        return [
            self._text(int(rows[number, slot]), batch.body_mask[number, slot], first, last)
            for number, (slot, first, last) in enumerate(spans)
        ]

    def _text(self, row: int, body: np.ndarray, first: int, last: int) -> str:
        """What stands in a block, from one position of the reader's input to another."""
        if row < 0 or not (body[first] and body[last]):
            return ""
        start = int(np.argmax(body))
        starts, limits = self._table.token_byte_start(row), self._table.token_byte_limit(row)
        text = self._table.text(row).encode("utf-8")
        return text[int(starts[first - start]) : int(limits[last - start])].decode("utf-8")
