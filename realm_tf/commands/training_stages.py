# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The training stages of `realm run`: from opened data to fine-tuned systems."""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Iterator, Sequence
from typing import Any

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.commands import corpus_checks, data_stages, embedding, run_inputs
from realm_tf.data.questions import questions as open_qa
from realm_tf.training.experiments import dual_encoder, ict, open_qa_training, pretrain, warmup
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import refresh
from realm_tf.training.run import system as system_lib

_LOGGER = logging.getLogger(__name__)


class TrainingStages:
    """Trained weights and systems, each made when it is first asked for.

    Args:
      root: Where segments go.
      inputs: What the user brought.
      config: Resolved.
      data: The stages before.
      timed: Runs a stage.
      refresher: Command that starts a local refresher; None: one runs elsewhere.
    """

    def __init__(
        self,
        root: str,
        inputs: run_inputs.Inputs,
        config: config_lib.Config,
        data: data_stages.DataStages,
        timed: data_stages.Timed,
        refresher: Sequence[str] | None = None,
    ):
        self._root = root
        self._inputs = inputs
        self._config = config
        self._data = data
        self._timed = timed
        self._refresher = refresher

    @property
    def config(self) -> config_lib.Config:
        """The configuration, with what the command changes for itself."""
        return self._config

    @functools.cached_property
    def context(self) -> context_lib.Context:
        """The opened data, which training needs, once the settings are seen to fit it.

        Raises:
          UserError: If they do not.
        """
        config = self._config
        corpus_checks.check_blocks(config, int(self._data.blocks.counts["blocks"]))
        context = self._data.context
        corpus_checks.check_sentences(context)
        train = open_qa.read(self._inputs.looked_up, config.questions)
        corpus_checks.check_questions(context, train)
        return context

    @functools.cached_property
    def ict_weights(self) -> artifacts.Segment:
        """The embedder after the inverse-cloze warm start."""
        context = self.context
        return self._timed("ict", lambda: ict.train(context))

    @functools.cached_property
    def reader_weights(self) -> artifacts.Segment:
        """The reader after its warm-up."""
        context = self.context
        return self._timed("warmup", lambda: warmup.train(context))

    @functools.cached_property
    def realm(self) -> system_lib.System | None:
        """The jointly trained system; None where joint training is left out."""
        if reason := self.why_not_joint():
            _LOGGER.warning("%s", reason)
            return None
        context, starts = self.context, (self.ict_weights, self.reader_weights)
        return self._timed(
            "pretrain",
            lambda: pretrain.train(
                context,
                embedder_weights=starts[0],
                reader_weights=starts[1],
                make_vectors=self._embed,
                refresher=self._refresher,
            ),
        )

    def baseline(self, name: str, embedder_weights: artifacts.Segment) -> system_lib.System:
        """An embedder as it is, with the warmed-up reader."""
        snapshot = refresh.baseline_snapshot(
            self.context, embedder_weights, make_vectors=self._embed
        )
        return system_lib.System(name, embedder_weights, self.reader_weights, snapshot)

    @functools.cached_property
    def ict_alone(self) -> system_lib.System:
        """The embedder after its warm start, with the warmed-up reader."""
        return self.baseline("ict", self.ict_weights)

    @functools.cached_property
    def supervised(self) -> system_lib.System | None:
        """The retriever before, trained on questions with passages; None where it is left out."""
        settings = self._config.dual_encoder
        if not settings.steps:
            return None
        context, start = self.context, self.pretrained
        path, reading = self._inputs.looked_up, self._config.questions
        answers = self._data.answers
        words = self._data.word_ranks(settings.bm25_blocks if settings.hard_negatives else 0)
        trained = self._timed(
            "dual_encoder",
            lambda: dual_encoder.train(
                context, start.embedder_weights, open_qa.read(path, reading), answers, words
            ),
        )
        return dataclasses.replace(
            self.baseline(dual_encoder.NAME, trained), reader_weights=start.reader_weights
        )

    def systems(self) -> Iterator[system_lib.System]:
        """What is compared: a random embedder, and ICT alone, REALM and what else is trained."""
        if not self._config.evaluation.baselines:
            yield self.best_system()
            return
        yield self.baseline("random", ict.random_embedder(self.context))
        trained = [system for system in (self.realm, self.supervised) if system is not None]
        yield from (self.ict_alone, *trained)

    @property
    def pretrained(self) -> system_lib.System:
        """REALM, or ICT alone where joint training did not start."""
        return self.realm or self.ict_alone

    def best_system(self) -> system_lib.System:
        """What is exported: what was trained last."""
        return self.supervised or self.pretrained

    def experiment(self, name: str) -> Iterator[artifacts.Segment]:
        """Completes one experiment, and what comes before it; yields the trained weights.

        Raises:
          UserError: If the run has no such experiment.
        """
        if name == "realm/ict":
            yield self.ict_weights
        elif name == "realm/pretrain":
            yield self.pretrained.embedder_weights
            yield self.pretrained.reader_weights
        elif name == "realm/dual_encoder":
            if self.supervised is None:
                raise types.UserError("dual_encoder.steps is 0: this run has no such training.")
            yield self.supervised.embedder_weights
        elif name == "realm/open_qa":
            yield self.fine_tuned(self.best_system())
        else:
            raise types.UserError(
                f"Unknown experiment {name!r}. Valid: realm/ict, realm/pretrain,"
                " realm/dual_encoder, realm/open_qa."
            )

    def fine_tuned(self, system: system_lib.System) -> artifacts.Segment:
        """Open-QA weights of a system."""
        path, reading = self._inputs.looked_up, self._config.questions
        context, settings = self.context, self._config.open_qa
        # Without steps nothing is learned, so no job looks through the blocks.
        answers = self._data.answers if settings.steps else None
        words = self._data.word_ranks(settings.supervision.bm25_blocks if settings.steps else 0)
        return self._timed(
            f"open_qa/{system.name}",
            lambda: open_qa_training.train(
                context, system, open_qa.read(path, reading), answers, words
            ),
        )

    def _embed(self, *given: Any) -> artifacts.Segment:
        """See `refresh.MakeVectors`; the blocks are made when they are first embedded."""
        paths = (self._data.blocks.path, self._data.vocab.path)
        return embedding.job(*paths, self._config, self._inputs.beam_args)(*given)

    def why_not_joint(self) -> str | None:
        """Why there is no joint training; None if there is."""
        if self._config.pretrain.steps == 0:
            rest = "ICT alone" if self._config.ict.steps else "the initial embedder as it is"
            return f"pretrain.steps is 0: there is no joint training, and what follows uses {rest}."
        counts = self.reader_weights.counts
        if counts["passed"]:
            return None
        return (
            f"The reader's held-out copy accuracy is {counts['copy_accuracy']:.3f} after"
            f" {counts['steps']:.0f} steps, under the gate of"
            f" {self._config.pretrain.warmup.copy_accuracy}: it does not read yet, and would teach"
            " the retriever nothing true. Joint training does not start; what follows uses ICT"
            " alone. Start from pre-trained weights, give more text, or raise"
            " pretrain.warmup.max_steps."
        )
