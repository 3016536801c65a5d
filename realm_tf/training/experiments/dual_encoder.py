# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The experiment `realm/dual_encoder`: an embedder that is taught by questions with their passages.

Not of REALM, which needs no such passages: it is DPR's training (Karpukhin et al., 2020), as an
optional stage before fine-tuning. The loss is that of ICT, whose queries are sentences; every query
has hard negatives of its own besides the blocks of the others.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import tf_keras

from realm_tf import artifacts
from realm_tf import config as config_lib
from realm_tf.data.questions import answer_rows as answer_rows_lib
from realm_tf.data.questions import gold_rows as gold_rows_lib
from realm_tf.data.questions import passage_batches
from realm_tf.data.questions import questions as questions_lib
from realm_tf.data.questions import word_ranks as word_ranks_lib
from realm_tf.models import embedder, weights
from realm_tf.training.engine import strategies, task
from realm_tf.training.experiments import ict, open_qa_held_out
from realm_tf.training.run import context as context_lib

NAME = "dual_encoder"


def train(
    context: context_lib.Context,
    start: artifacts.Segment,
    questions: Sequence[questions_lib.Question],
    answers: artifacts.Segment,
    word_ranks: artifacts.Segment | None = None,
) -> artifacts.Segment:
    """Trains an embedder on questions; those that fine-tuning holds out are not trained on.

    Args:
      context: Configuration and data of the run.
      start: Segment "embedder_weights" to start from.
      questions: All training questions.
      answers: Segment "answer_rows": which blocks hold their answers.
      word_ranks: Segment "word_ranks": what BM25 finds for them; None: there are no hard negatives.

    Returns:
      Segment "embedder_weights"; at once if it is there already. Its counts: "steps", "questions"
      that were trained on, and "accuracy" on the batches after the last.

    Raises:
      UserError: If no question has a block that is known to be right.
    """
    settings = _settings(context.config)
    made_from = {
        "tokenizer": context.tokenizer.fingerprint,
        "blocks": context.blocks.fingerprint,
        "questions": answers.made_from["questions"],
        "init": start.fingerprint,
        **({} if word_ranks is None else {"word_ranks": word_ranks.fingerprint}),
    }
    path = context.recipe(ict.KIND, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        return artifacts.open_segment(path, ict.KIND)
    batches = _batches(context, questions, answers, word_ranks)
    with strategies.scope(context.config.runtime):
        tf_keras.utils.set_random_seed(context.config.seed)
        model = embedder.Embedder(context.config.model.embedder, context.tokenizer.vocab_size)
        weights.restore(model.build_weights(), start)
        accuracy = ict.fit(
            context,
            model,
            batches,
            ict.IctTask(task.task_config(), **task.options(context.config.runtime)),
            context.config.dual_encoder,
            name=NAME,
            directory=_directory(context, path),
        )
    counts = {
        "steps": context.config.dual_encoder.steps,
        "questions": batches.num_questions,
        "accuracy": accuracy,
    }
    return context.worker.segment(
        lambda: weights.save(
            model, path, kind=ict.KIND, settings=settings, made_from=made_from, counts=counts
        ),
        path,
        ict.KIND,
    )


def _settings(config: config_lib.Config) -> dict[str, Any]:
    return {
        "experiment": "realm/dual_encoder",
        "seed": config.seed,
        "dual_encoder": config_lib.decisive(config.dual_encoder),
        "embedder": config_lib.decisive(config.model.embedder),
        "block_length": config.blocks.length,
        "held_out": config.evaluation.held_out_fraction,
        "runtime": config_lib.decisive(config.runtime),
    }


def _directory(context: context_lib.Context, path: str) -> str:
    """Where its checkpoints are: named after it, as weights of embedders are those of ICT, too."""
    digest = os.path.basename(path).rpartition("-")[2]
    return context.directory(os.path.join(os.path.dirname(path), f"{NAME}-{digest}"))


def _batches(
    context: context_lib.Context,
    questions: Sequence[questions_lib.Question],
    answers: artifacts.Segment,
    word_ranks: artifacts.Segment | None,
) -> passage_batches.PassageBatches:
    config = context.config
    answer_rows = answer_rows_lib.AnswerRows.open(answers, context.blocks, questions)
    found = None
    if word_ranks is not None:
        found = word_ranks_lib.WordRanks.open(word_ranks, context.blocks, questions)
    gold_rows = gold_rows_lib.GoldRows(context.knowledge, answer_rows)
    trained, _ = open_qa_held_out.split(questions, config.evaluation.held_out_fraction)
    return passage_batches.PassageBatches(
        trained,
        context.knowledge,
        context.tokenizer,
        passage_batches.Judge(gold_rows, answer_rows, found),
        config.dual_encoder,
        config.blocks,
        seed=config.seed,
    )
