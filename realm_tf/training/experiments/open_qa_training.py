# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Fine-tunes a system on questions, and keeps the best checkpoint; the task is in `open_qa`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import tf_keras

from realm_tf import artifacts
from realm_tf import config as config_lib
from realm_tf.data import sampling
from realm_tf.data.questions import answer_rows as answer_rows_lib
from realm_tf.data.questions import question_batches
from realm_tf.data.questions import questions as questions_lib
from realm_tf.data.questions import word_ranks as word_ranks_lib
from realm_tf.models import open_qa_model as model_lib
from realm_tf.models import weights
from realm_tf.retrieval import reading
from realm_tf.training.engine import example_tables, loop, strategies
from realm_tf.training.experiments import open_qa, open_qa_held_out
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import initial_weights
from realm_tf.training.run import system as system_lib

KIND = "open_qa_weights"
_FIGURE = "held_out_exact_match"
_LOGGER = logging.getLogger(__name__)


def train(
    context: context_lib.Context,
    start: system_lib.System,
    questions: Sequence[questions_lib.Question],
    answers: artifacts.Segment | None,
    word_ranks: artifacts.Segment | None = None,
) -> artifacts.Segment:
    """Fine-tunes a system on questions, from its own weights or those of `init.open_qa`.

    Args:
      context: Configuration and data of the run.
      start: Weights to start from, and the frozen block vectors.
      questions: To train on.
      answers: Segment "answer_rows": which blocks hold the answers of these questions. Not needed
        if `open_qa.steps` is 0: the weights are then those that it starts from.
      word_ranks: Segment "word_ranks": what BM25 finds for them, if `open_qa.supervision` uses it.

    Returns:
      Segment "open_qa_weights"; at once if it is there already. Its counts say which step was kept,
      and the exact match that it was kept for.

    Raises:
      UserError: If `init.open_qa` does not fit the run.
    """
    config = context.config
    if not config.open_qa.steps:
        answers = word_ranks = None  # of which nothing is learned
    settings = {
        "experiment": "realm/open_qa",
        "seed": config.seed,
        "open_qa": _settings(config.open_qa),
        "model": config_lib.decisive(config.model),
        "runtime": config_lib.decisive(config.runtime),
        **_choice(config),
    }
    initial = initial_weights.of_open_qa(context)
    made_from = {
        "tokenizer": context.tokenizer.fingerprint,
        **({} if answers is None else {"questions": answers.made_from["questions"]}),
        **start.made_from(),
        **initial_weights.made_from(initial),
        **({} if word_ranks is None else {"word_ranks": word_ranks.fingerprint}),
    }
    path = context.recipe(KIND, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        return artifacts.open_segment(path, KIND)
    with reading.hold(start.snapshot), strategies.scope(config.runtime):
        model = _initial(context, start, initial)
        counts: dict[str, float] = {"steps": 0, "questions": 0, "kept_step": 0}
        if answers is not None:
            directory = context.directory(path)
            run = _Run(context, start, model, questions, answers, word_ranks, directory)
            counts = run.fit()
    return context.worker.segment(
        lambda: weights.save(
            model, path, kind=KIND, settings=settings, made_from=made_from, counts=counts
        ),
        path,
        KIND,
    )


def _settings(config: config_lib.OpenQaConfig) -> dict[str, Any]:
    """What decides the weights; without supervision as it was before there was any."""
    settings = config_lib.decisive(config)
    if config.supervision == config_lib.SupervisionConfig():
        del settings["supervision"]
    return settings


def _choice(config: config_lib.Config) -> dict[str, Any]:
    """What decides which weights are kept, if not the last ones."""
    if config.open_qa.keep == "last":
        return {}
    return {
        "measured_every": config.open_qa.checkpoint_every_steps,
        "held_out": config.evaluation.held_out_fraction,
    }


def restore(context: context_lib.Context, segment: artifacts.Segment) -> model_lib.OpenQaModel:
    """The fine-tuned model of a segment that `train` returned."""
    vocab_size = context.tokenizer.vocab_size
    model = model_lib.OpenQaModel(context.config.model, vocab_size).build_weights()
    weights.restore(model, segment)
    return model


def _initial(
    context: context_lib.Context, start: system_lib.System, initial: artifacts.Segment | None
) -> model_lib.OpenQaModel:
    """The model as fine-tuning finds it."""
    tf_keras.utils.set_random_seed(context.config.seed)
    model = system_lib.open_qa_model(context.config.model, context.tokenizer.vocab_size, start)
    initial_weights.fill_open_qa(model, initial, start.embedder_weights)
    return model


class _Run:
    """One fine-tuning, and what is measured of it."""

    def __init__(
        self,
        context: context_lib.Context,
        start: system_lib.System,
        model: model_lib.OpenQaModel,
        questions: Sequence[questions_lib.Question],
        answers: artifacts.Segment,
        word_ranks: artifacts.Segment | None,
        directory: str,
    ):
        self._context, self._name, self._directory = context, start.name, directory
        self._settings, self._model = context.config.open_qa, model
        answer_rows = answer_rows_lib.AnswerRows.open(answers, context.blocks, questions)
        found = None
        if word_ranks is not None:
            found = word_ranks_lib.WordRanks.open(word_ranks, context.blocks, questions)
        self._parts = open_qa.Parts(context, start, answer_rows, found)
        self._questions, self._held_out = self._divide(questions)

    def _divide(
        self, questions: Sequence[questions_lib.Question]
    ) -> tuple[Sequence[questions_lib.Question], open_qa_held_out.HeldOut | None]:
        """The questions to train on, and those that choose among checkpoints, if any do."""
        if self._settings.keep == "last":
            return questions, None
        fraction = self._context.config.evaluation.held_out_fraction
        trained, held = open_qa_held_out.split(questions, fraction)
        if not trained or not held:
            _LOGGER.warning(
                "%d of %d training questions are held out, so no checkpoint can be chosen: all are"
                " trained on, and the last weights are kept.",
                len(held),
                len(questions),
            )
            return questions, None
        held = sampling.evenly(held, self._settings.held_out_questions)
        return trained, open_qa_held_out.HeldOut(
            held,
            self._batches(held),
            self._parts.task(held),
            self._context.knowledge,
            batch_size=self._settings.batch_size,
        )

    def _batches(
        self, questions: Sequence[questions_lib.Question]
    ) -> question_batches.QuestionBatches:
        context = self._context
        return question_batches.QuestionBatches(
            questions, context.tokenizer, self._settings, seed=context.config.seed
        )

    def fit(self) -> dict[str, float]:
        """Trains to the last step, and leaves the model with the weights that are kept; counts."""
        settings, config = self._settings, self._context.config
        batches = self._batches(self._questions)
        fitted = loop.fit(
            loop.Run(
                name=f"open-qa ({self._name})",
                directory=self._directory,
                task=self._parts.training_task(self._questions),
                model=self._model,
                optimizer_config=settings.optimizer,
                steps=settings.steps,
                make_batch=batches.make_batch,
                records=batches.records,
                seed=config.seed,
                runtime=config.runtime,
                checkpoint_every_steps=settings.checkpoint_every_steps,
                shown=("answer_accuracy", "retriever_zeroed", "reader_zeroed"),
                worker=self._context.worker,
                measure=self._measure if self._held_out else None,
                best_by=_FIGURE if self._held_out else None,
            )
        )
        counts = {"steps": settings.steps, "questions": len(self._questions)}
        if fitted.kept is None:
            return {**counts, "kept_step": settings.steps}
        kept = {"kept_step": fitted.kept.step, "kept_exact_match": fitted.kept.value}
        return {**counts, **kept}

    def _measure(self, step: int) -> dict[str, float]:
        if self._held_out is None:
            return {}
        example_tables.write(self._directory, step, self._held_out.examples(self._model))
        return {_FIGURE: self._held_out.exact_match(self._model)}
