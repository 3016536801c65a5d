# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The experiment `realm/span_tagger`: a token classifier that finds salient spans.

It needs labelled sentences and no corpus. The weights that are kept are the best on the dev files.
"""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.tagging import bio, conll, tag_batches, tag_predictions
from realm_tf.models import losses, span_tagger
from realm_tf.models.inference import tagger_export
from realm_tf.text import tokenizer as tokenizer_lib
from realm_tf.training.engine import loop, strategies, task, workers
from realm_tf.training.run import initial_weights

KIND = tagger_export.KIND
_LOGGER = logging.getLogger(__name__)
_PREDICTED_BATCH = 64

# (gold tags, predicted tags) of sentences to figures by label; "micro" has "f1".
Score = Callable[[Sequence[Sequence[str]], Sequence[Sequence[str]]], Mapping[str, Any]]


class SpanTaggerTask(task.RealmTask):
    """Trains a `SpanTagger` on the tags of words."""

    metric_names = ("accuracy",)

    def count(self, batch: tag_batches.TagBatch) -> float:
        """Words that have a tag."""
        return float(batch.weights.sum())

    def loss_and_sums(
        self, batch: tag_batches.TagBatch, model: Any, *, training: bool, across: losses.Collectives
    ) -> tuple[tf.Tensor, task.Sums]:
        """Mean over the words that have a tag."""
        logits = model(batch.inputs, training=training)
        weights = batch.weights
        loss = losses.tagging_loss(logits, batch.targets, weights, across.global_count)
        hits = task.hits(logits, batch.targets)
        return loss, {"accuracy": task.mean_over_masks(hits, weights)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Data:
    """What a tagger is trained and measured on.

    Attributes:
      train: Files; one that is there twice counts twice.
      dev: Files to choose the best weights by.
      test: Files to measure these on; may be empty.
      vocab: Segment "vocab".
    """

    train: Sequence[str]
    dev: Sequence[str]
    test: Sequence[str]
    vocab: artifacts.Segment


def train(
    config: config_lib.Config,
    data: Data,
    root: str,
    *,
    score: Score,
    worker: workers.Worker = workers.ALONE,
) -> artifacts.Segment:
    """Trains a tagger, from random weights or those of `init.tagger`.

    Args:
      config: Its sections `span_tagger`, `init`, `seed` and `runtime`.
      data: Labelled sentences.
      root: Directory of segments; checkpoints go to `training/` in it.
      score: What F1 is; see `evaluation.entities.score`.
      worker: Which of the processes that train together this is.

    Returns:
      Segment "span_tagger"; at once if it is there already.

    Raises:
      UserError: If a file is not as it should be, or `init.tagger` does not fit.
    """
    tokenizer = tokenizer_lib.Tokenizer.open(data.vocab)
    start = initial_weights.of_tagger(config, tokenizer)
    sentences = [s for file in data.train for s in _read(config.span_tagger, file)]
    labels = sorted({bio.split(tag)[1] for s in sentences for tag in s.tags} - {""})
    if not labels:
        raise types.UserError(
            "No word of the training files has a label: there is nothing to find."
        )
    settings = {
        "experiment": "realm/span_tagger",
        "seed": config.seed,
        "span_tagger": config_lib.decisive(config.span_tagger),
        "labels": labels,
        "length": config.span_tagger.length,
        "runtime": config_lib.decisive(config.runtime),
    }
    made_from = {
        "tokenizer": tokenizer.fingerprint,
        **{part: conll.fingerprint(getattr(data, part)) for part in ("train", "dev", "test")},
        **initial_weights.made_from(start),
    }
    path = artifacts.recipe_path(root, KIND, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        return artifacts.open_segment(path, KIND)
    directory = os.path.join(root, "training", os.path.basename(path))
    with strategies.scope(config.runtime):
        run = _Run(config, data, tokenizer, bio.tags_of(labels), score, directory, worker)
        run.fit(sentences, start)
    return worker.segment(
        lambda: run.export(path, settings=settings, made_from=made_from), path, KIND
    )


def _read(tagger: config_lib.SpanTaggerConfig, file: str) -> list[conll.Sentence]:
    return conll.read(file, column=tagger.tag_column, label_map=tagger.label_map)


class _Held:
    """A held-out file, ready to be tagged."""

    def __init__(
        self,
        file: str,
        tagger: config_lib.SpanTaggerConfig,
        tokenizer: tokenizer_lib.Tokenizer,
        tags: Sequence[str],
    ):
        self._tagger, self._tokenizer, self._tags = tagger, tokenizer, tags
        self._sentences = _read(tagger, file)
        self._examples = tag_batches.make_examples(
            self._sentences, tags, tokenizer, length=tagger.length
        )
        self.gold = [sentence.tags for sentence in self._sentences]

    def predict(self, logits_fn: tag_predictions.LogitsFn) -> list[list[str]]:
        return tag_predictions.predict(
            self._examples,
            [len(sentence.words) for sentence in self._sentences],
            logits_fn,
            self._tokenizer,
            self._tags,
            length=self._tagger.length,
            batch_size=_PREDICTED_BATCH,
        )


class _Run:
    """One training, and what is measured of it."""

    def __init__(
        self,
        config: config_lib.Config,
        data: Data,
        tokenizer: tokenizer_lib.Tokenizer,
        tags: Sequence[str],
        score: Score,
        directory: str,
        worker: workers.Worker,
    ):
        self._config, self._tagger = config, config.span_tagger
        self._tokenizer, self._tags, self._score = tokenizer, tags, score
        self._held = {
            part: {file: _Held(file, self._tagger, tokenizer, tags) for file in files}
            for part, files in (("dev", data.dev), ("test", data.test))
        }
        tf_keras.utils.set_random_seed(config.seed)
        self._model = span_tagger.SpanTagger(
            self._tagger.encoder, tokenizer.vocab_size, len(tags), self._tagger.dropout
        ).build_weights()
        self._directory, self._worker = directory, worker
        self._kept_step = 0

    def fit(self, sentences: Sequence[conll.Sentence], start: artifacts.Segment | None) -> None:
        """Trains to the last step, and fills the model with the best weights."""
        tagger = self._tagger
        initial_weights.fill_tagger(self._model, start)
        examples = tag_batches.make_examples(
            sentences, self._tags, self._tokenizer, length=tagger.length
        )
        batches = tag_batches.TagBatches(
            examples,
            self._tokenizer,
            batch_size=tagger.batch_size,
            length=tagger.length,
            seed=self._config.seed,
        )
        _LOGGER.info(
            "%d training sentences, %d batches an epoch", len(sentences), batches.batches_per_epoch
        )
        fitted = loop.fit(
            loop.Run(
                name="span tagger",
                directory=self._directory,
                task=SpanTaggerTask(task.task_config(), **task.options(self._config.runtime)),
                model=self._model,
                optimizer_config=tagger.optimizer,
                steps=tagger.steps,
                make_batch=batches.make_batch,
                records=batches.records,
                seed=self._config.seed,
                runtime=self._config.runtime,
                checkpoint_every_steps=tagger.evaluate_every_steps,
                shown=("accuracy",),
                measure=self._evaluate,
                best_by="dev_f1",
                worker=self._worker,
            )
        )
        self._kept_step = fitted.kept.step if fitted.kept else tagger.steps

    def export(
        self, path: str, *, settings: Mapping[str, Any], made_from: Mapping[str, str]
    ) -> artifacts.Segment:
        """Measures the graph that is exported, and writes it."""
        lean = tagger_export.LeanTagger(self._model, self._tagger.encoder, dtype=self._tagger.dtype)
        metrics = {part: self._measure(held, lean.logits) for part, held in self._held.items()}
        counts = {
            f"{part}_{name}": figures["all"]["micro"][name]
            for part, figures in metrics.items()
            if figures
            for name in ("precision", "recall", "f1")
        }
        return tagger_export.export(
            lean,
            path,
            tokenizer=self._tokenizer,
            settings=settings,
            made_from=made_from,
            metrics=metrics,
            counts={"steps": self._tagger.steps, "best_step": self._kept_step, **counts},
        )

    def _evaluate(self, step: int) -> dict[str, float]:
        del step  # of the weights as they are
        lean = tagger_export.LeanTagger(self._model, self._tagger.encoder)
        figures = self._measure(self._held["dev"], lean.logits)["all"]["micro"]
        return {f"dev_{name}": figures[name] for name in ("precision", "recall", "f1")}

    def _measure(
        self, held: Mapping[str, _Held], logits_fn: tag_predictions.LogitsFn
    ) -> dict[str, Mapping[str, Any]]:
        """Figures of every file, and of "all"; nothing if there is no file."""
        predicted = {file: of_file.predict(logits_fn) for file, of_file in held.items()}
        names = _names(list(held))
        figures = {names[f]: self._score(held[f].gold, predicted[f]) for f in held}
        if held:
            gold = [tags for of_file in held.values() for tags in of_file.gold]
            figures["all"] = self._score(gold, [t for tags in predicted.values() for t in tags])
        return figures


def _names(files: Sequence[str]) -> dict[str, str]:
    """Names of files in the metrics: folder and name, or whole paths where that is not enough."""
    short = {file: "/".join(file.split("/")[-2:]) for file in files}
    return short if len(set(short.values())) == len(short) else {file: file for file in files}
