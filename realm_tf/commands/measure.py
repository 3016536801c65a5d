# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures a system: does it find, does it predict what is masked, does it answer?"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from beam_jobs.engine import progress
from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.commands import arms, calibrate, evidence, retrievers
from realm_tf.data.questions import questions as open_qa
from realm_tf.evaluation import predictions, report, scores
from realm_tf.retrieval import exact_search
from realm_tf.retrieval import retriever as retriever_lib
from realm_tf.text import packing
from realm_tf.training.experiments import masked_evaluation
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import system as system_lib
from serving import client, signatures

Predictions = Sequence[predictions.Prediction]

_BATCH_SIZE = 64
_MASKED_FIGURES = ("accuracy", "null_accuracy", "retrieval_utility", "null_probability")


def measure(
    context: context_lib.Context,
    system: system_lib.System,
    module: signatures.QaModule,
    questions: Sequence[open_qa.Question],
    workdir: str,
) -> dict[str, Any]:
    """Every figure of a system and the number of questions; its answers go to files.

    Args:
      context: The opened data of the run.
      system: The system.
      module: The graph of the fine-tuned system, which is also what is exported.
      questions: Questions to measure with.
      workdir: Directory in which the answers are written, those of every arm in a file.
    """
    answers = _answer(module, [question.question for question in questions])
    found = evidence.search(context, module, questions)
    made = [
        predictions.Prediction(question, tuple(ranked), retrieved)
        for question, ranked, retrieved in zip(
            questions, answers, evidence.of(context, questions, found), strict=True
        )
    ]
    by_vectors = found
    if (own := arms.own(context.config)) != arms.FINE_TUNED:
        by_vectors = evidence.search(context, module, questions, by_vectors=True)
    dense = {"dense": search(context, system, questions), arms.FINE_TUNED: by_vectors}
    rankings = {**retrievers.beside(context, questions, dense), own: found}
    of_arms = arms.read(context, system, module, questions, rankings)
    _write(workdir, system.name, made, of_arms)
    recalls = {
        name: retrievers.recall(context, ranking.rows, questions)
        for name, ranking in rankings.items()
    }
    cutoffs = context.config.evaluation.recall_at
    scored = {
        name: scores.score(of_arm, cutoffs) for name, of_arm in {**of_arms, own: made}.items()
    }
    return {
        **recalls["dense"],
        "gold_questions": sum(bool(question.doc_ids) for question in questions),
        **(measure_masked(context, system) if context.config.pretrain.masks_spans else {}),
        **scored[own],
        report.RETRIEVERS: {
            name: {**recall, **arms.figures(scored.get(name, {}))}
            for name, recall in recalls.items()
        },
    }


def _answer(module: signatures.QaModule, questions: Sequence[str]) -> list[list[types.Answer]]:
    answers: list[list[types.Answer]] = []
    with progress.shown("answering", len(questions), lambda: len(answers)):
        for start in range(0, len(questions), _BATCH_SIZE):
            answers += client.predict(module.answer, questions[start : start + _BATCH_SIZE])
    return answers


def _write(
    workdir: str, system: str, made: Predictions, of_arms: Mapping[str, Predictions]
) -> None:
    named = {predictions.arm_name(system, arm): of_arm for arm, of_arm in of_arms.items()}
    for name, one in {**named, system: made}.items():
        predictions.write(os.path.join(workdir, predictions.file_name(name)), one)


def identity(
    config: config_lib.Config, system: system_lib.System, weights: artifacts.Segment, questions: str
) -> dict[str, str]:
    """What decides the figures of a system, by role.

    Args:
      config: The configuration.
      system: The system.
      weights: Segment "open_qa_weights" that was fine-tuned on it.
      questions: Fingerprint of the questions that it is measured with.
    """
    return {
        **system.made_from(),
        "open_qa": weights.fingerprint,
        "questions": questions,
        "evaluation": artifacts.digest(config_lib.to_dict(config.evaluation)),
        "calibration": str(calibrate.VERSION),
        "scores": str(scores.VERSION),
        "fusion": artifacts.digest(config_lib.to_dict(config.retrieval.fusion)),
    }


def retrieve(
    context: context_lib.Context,
    retriever: retriever_lib.Retriever,
    questions: Sequence[str],
    k: int,
) -> types.RetrievedBlocks:
    """Searches for every question that a system is measured by.

    Returns:
      <int64>[num_questions, k] rows and <float32> scores, best first; of all blocks, if they are
      fewer.
    """
    length = context.config.open_qa.query_length
    k = min(k, retriever.index.num_blocks)
    found = []
    for start in range(0, len(questions), _BATCH_SIZE):
        texts = questions[start : start + _BATCH_SIZE]
        found.append(retriever(packing.pack_texts(texts, length, context.tokenizer), k))
    return exact_search.joined(found, k)


def search(
    context: context_lib.Context, system: system_lib.System, questions: Sequence[open_qa.Question]
) -> types.RetrievedBlocks:
    """What a system that is measured before its fine-tuning finds for questions.

    Its retriever was not trained on questions. The search goes as deep as the
    index was built for: k documents may have many more blocks.

    Returns:
      <int64>[num_questions, depth] rows and <float32> scores, best first.
    """
    depth = max(context.config.open_qa.num_searched, *context.config.evaluation.recall_at)
    retriever = retriever_lib.Retriever.open(system.snapshot)
    return retrieve(context, retriever, [q.question for q in questions], depth)


def measure_masked(context: context_lib.Context, system: system_lib.System) -> dict[str, float]:
    """Held-out masked wordpieces: accuracy with retrieval and on the null block, and why."""
    figures = masked_evaluation.evaluate(context, system)
    return {f"masked_{name}": figures[name] for name in _MASKED_FIGURES}
