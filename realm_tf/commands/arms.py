# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The arms of an evaluation: what one reader answers from the blocks of each retriever.

The score of an answer is the reader's logit plus that of its block, as the reader was trained.
`evaluation.arm_scores` says whose the latter is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from beam_jobs.engine import progress
from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.commands import evidence, retrievers
from realm_tf.data.questions import questions as open_qa
from realm_tf.evaluation import predictions, report
from realm_tf.retrieval import view as view_lib
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import system as system_lib
from serving import replies, requests, signatures

FINE_TUNED = "fine_tuned"
_FUSED = f"{retrievers.FUSED}{FINE_TUNED}"

_BATCH_SIZE = 32
_FIGURES = (
    *("exact_match", "f1", "regex_match", "any_match"),
    *("reader_oracle", "exact_match_given_retrieved"),
)


def own(config: config_lib.Config) -> str:
    """The arm that is the system itself: what answers, and is calibrated and exported."""
    return _FUSED if config.retrieval.fusion.serve else FINE_TUNED


def others(config: config_lib.Config) -> list[str]:
    """The other arms of `evaluation.arms`."""
    return [arm for arm in config.evaluation.arms if arm != own(config)]


def read(
    context: context_lib.Context,
    system: system_lib.System,
    module: signatures.QaModule,
    questions: Sequence[open_qa.Question],
    found: Mapping[str, types.RetrievedBlocks],
) -> dict[str, list[predictions.Prediction]]:
    """Reads the first blocks of every other arm of `evaluation.arms` than the system's own.

    Args:
      context: The opened data of the run.
      system: The system.
      module: The graph of the fine-tuned system, with the reader.
      questions: The questions.
      found: Name of a retriever to what it found for them; an arm that is not there is left out.

    Returns:
      Name of the arm to a prediction for every question.
    """
    wanted = context.config.evaluation
    made = {}
    for arm in others(context.config):
        if arm not in found:
            continue
        of_arm = found[arm]
        if wanted.arm_scores == FINE_TUNED:
            of_arm = scored_anew(system, module, questions, of_arm, evidence.num_read(context))
        name = f"reading the blocks of {arm}"
        answers = answer_from(module, questions, of_arm, evidence.num_read(context), name=name)
        of_questions = evidence.of(context, questions, of_arm)
        made[arm] = [
            predictions.Prediction(*parts)
            for parts in zip(questions, answers, of_questions, strict=True)
        ]
    return made


def answer_from(
    module: signatures.QaModule,
    questions: Sequence[open_qa.Question],
    found: types.RetrievedBlocks,
    num_read: int,
    *,
    name: str = "reading",
) -> list[tuple[types.Answer, ...]]:
    """The ranked answers to every question, from the first blocks that were found for it.

    Args:
      module: The graph of a system.
      questions: The questions.
      found: Rows and scores of blocks, [num_questions, any], best first.
      num_read: How many of them are read.
      name: What it is called while it is shown how far it is.
    """
    answer = tf.function(
        lambda texts, rows, scores: module.answer_from(
            texts, rows, scores, tf.fill(tf.shape(texts), requests.NUM_ANSWERS)
        ),
        autograph=False,
        reduce_retracing=True,
    )
    rows = np.asarray(found.rows[:, :num_read])
    given = np.where(rows >= 0, found.scores[:, :num_read], requests.NO_BLOCK).astype(np.float32)
    answers: list[tuple[types.Answer, ...]] = []
    with progress.shown(name, len(questions), lambda: len(answers)):
        for start in range(0, len(questions), _BATCH_SIZE):
            batch = slice(start, start + _BATCH_SIZE)
            texts = [question.question for question in questions[batch]]
            of_batch = (np.maximum(rows[batch], 0), given[batch])
            outputs = answer(tf.constant(texts), *map(tf.constant, of_batch))
            numbers = {name: value.numpy() for name, value in outputs.items()}
            answers += [reply.answers for reply in replies.from_outputs(texts, numbers)]
    return answers


def scored_anew(
    system: system_lib.System,
    module: signatures.QaModule,
    questions: Sequence[open_qa.Question],
    found: types.RetrievedBlocks,
    count: int,
) -> types.RetrievedBlocks:
    """The first `count` blocks that a retriever found, with the scores of the fine-tuned one.

    They stay in the order in which they were found.
    """
    rows = found.rows[:, :count]
    vectors = view_lib.View(system.snapshot).vectors
    scores = np.full(rows.shape, -np.inf, np.float32)
    for start in range(0, len(questions), _BATCH_SIZE):
        batch = slice(start, start + _BATCH_SIZE)
        texts = tf.constant([question.question for question in questions[batch]])
        query_emb = module.retriever.embed_queries(texts).numpy()
        block_emb = vectors.gather(np.maximum(rows[batch], 0))
        products = np.einsum("nd,nkd->nk", query_emb, block_emb)
        scores[batch] = np.where(rows[batch] >= 0, products, -np.inf)
    return types.RetrievedBlocks(rows, scores)


def figures(scored: Mapping[str, Any]) -> dict[str, Any]:
    """What of the figures of an arm (see `scores.score`) stands beside its recall; {} of {}."""
    shown = [name for name in _FIGURES if name in scored]
    if not shown:
        return {}
    intervals = {name: scored[report.INTERVALS][name] for name in shown}
    return {**{name: scored[name] for name in shown}, report.INTERVALS: intervals}
