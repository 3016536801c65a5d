# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`realm run`: from a corpus to an exported model, stage by stage.

Every stage's result is a segment named by its recipe, so a stage is complete exactly when its
segment is, whatever was killed when. Running again continues; changing a setting runs again only
what depends on it.
"""

from __future__ import annotations

import functools
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from beam_jobs import embed_blocks
from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.commands import corpus_checks, data_stages, export, measure, run_inputs
from realm_tf.data.questions import questions as open_qa
from realm_tf.evaluation import metrics, report
from realm_tf.training.experiments import ict, pretrain, warmup
from realm_tf.training.experiments import open_qa as open_qa_training
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import refresh
from realm_tf.training.run import system as system_lib

_LOGGER = logging.getLogger(__name__)
_NOTICEABLE_SECS = 1.0
_T = TypeVar("_T")


class Pipeline:
    """The stages of one run.

    Use `create` or `open`.

    Args:
      workdir: Where everything of the run lies.
      inputs: What the user brought.
      config: Resolved.
    """

    def __init__(self, workdir: str, inputs: run_inputs.Inputs, config: config_lib.Config):
        self._workdir = workdir
        self._inputs = inputs
        self._config = config
        self._root = os.path.join(workdir, "segments")
        self._data = data_stages.DataStages(workdir, self._root, inputs, config, self._stage)

    @classmethod
    def create(
        cls,
        workdir: str,
        inputs: run_inputs.Inputs,
        config: config_lib.Config,
    ) -> Pipeline:
        """Starts a run, or continues it: writes its inputs and resolved configuration first."""
        run_inputs.save(workdir, inputs, config)
        return cls(workdir, inputs, config)

    @classmethod
    def open(cls, workdir: str) -> Pipeline:
        """Opens a run that `create` started.

        Raises:
          UserError: If there is none.
        """
        return cls(workdir, *run_inputs.load(workdir))

    def run(self) -> dict[str, Any]:
        """Runs every stage that is not complete; returns the report."""
        self.evaluate()
        self.export()
        return report.read(self._workdir)

    def train(self, experiment: str) -> Iterator[artifacts.Segment]:
        """Completes one experiment, and what comes before it; yields the trained weights."""
        if experiment == "realm/ict":
            yield self.ict_weights
        elif experiment == "realm/pretrain":
            yield self.best_system().embedder_weights
            yield self.best_system().reader_weights
        elif experiment == "realm/open_qa":
            yield self.fine_tuned(self.best_system())
        else:
            raise types.UserError(
                f"Unknown experiment {experiment!r}. Valid: realm/ict, realm/pretrain,"
                " realm/open_qa."
            )

    @functools.cached_property
    def context(self) -> context_lib.Context:
        """The opened data, which training needs, once the settings are seen to fit it.

        Raises:
          UserError: If they do not.
        """
        config = self._config
        sizes = {
            "ict": config.ict.batch_size,
            "pretrain.warmup": config.pretrain.warmup.batch_size,
            "pretrain": config.pretrain.batch_size,
            "open_qa": config.open_qa.batch_size,
        }
        corpus_checks.check_devices(config.runtime, sizes)
        corpus_checks.check_blocks(config, int(self._data.blocks.counts["blocks"]))
        context = self._data.context
        corpus_checks.check_sentences(context)
        corpus_checks.check_questions(context, open_qa.read(self._inputs.questions_train))
        return context

    # Training.

    @functools.cached_property
    def ict_weights(self) -> artifacts.Segment:
        """The embedder after the inverse-cloze warm start."""
        return self._stage("ict", lambda: ict.train(self.context))

    @functools.cached_property
    def reader_weights(self) -> artifacts.Segment:
        """The reader after its warm-up."""
        return self._stage("warmup", lambda: warmup.train(self.context))

    @functools.cached_property
    def realm(self) -> system_lib.System | None:
        """The jointly trained system; None where joint training is left out."""
        if reason := self._why_not_joint():
            _LOGGER.warning("%s", reason)
            return None
        return self._stage(
            "pretrain",
            lambda: pretrain.train(
                self.context,
                embedder_weights=self.ict_weights,
                reader_weights=self.reader_weights,
                make_vectors=self._embed,
            ),
        )

    def baseline(self, name: str, embedder_weights: artifacts.Segment) -> system_lib.System:
        """An embedder as it is, with the warmed-up reader."""
        snapshot = refresh.baseline_snapshot(
            self.context, embedder_weights, make_vectors=self._embed
        )
        return system_lib.System(name, embedder_weights, self.reader_weights, snapshot)

    def systems(self) -> Iterator[system_lib.System]:
        """What is compared: a random embedder, ICT alone, and REALM."""
        if self._config.evaluation.baselines:
            yield self.baseline("random", ict.random_embedder(self.context))
            if self.realm is not None:
                yield self.baseline("ict", self.ict_weights)
        yield self.best_system()

    def best_system(self) -> system_lib.System:
        """What is exported: REALM, or ICT alone where joint training did not start."""
        return self.realm or self.baseline("ict", self.ict_weights)

    def fine_tuned(self, system: system_lib.System) -> artifacts.Segment:
        """Open-QA weights of a system."""
        path, reading = self._inputs.questions_train, self._config.questions
        return self._stage(
            f"open_qa/{system.name}",
            lambda: open_qa_training.train(
                self.context,
                system,
                open_qa.read(path, reading),
                open_qa.fingerprint(path, reading),
            ),
        )

    def _embed(self, embedder: artifacts.Segment) -> artifacts.Segment:
        params = embed_blocks.Params(
            self._data.blocks.path,
            embedder.path,
            self._data.vocab.path,
            self._root,
            self._config,
        )
        return embed_blocks.embed_blocks(params, beam_args=self._inputs.beam_args)

    def _why_not_joint(self) -> str | None:
        """Why there is no joint training; None if there is."""
        if self._config.pretrain.steps == 0:
            return (
                "pretrain.steps is 0: there is no joint training, and what follows uses ICT alone."
            )
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

    def _report(self, section: str, figures: dict[str, Any]) -> None:
        report.merge(self._workdir, section, figures)

    def _stage(self, name: str, make: Callable[[], _T]) -> _T:
        """Runs a stage, and reports how long it took."""
        started = time.monotonic()
        result = make()
        seconds = time.monotonic() - started
        if seconds > _NOTICEABLE_SECS:  # a complete stage is opened in less
            _LOGGER.info("%s: %.0f s", name, seconds)
            known = report.read(self._workdir).get("seconds", {})
            self._report("seconds", {**known, name: round(seconds, 1)})
        return result

    # Measuring and serving.

    def evaluate(self) -> dict[str, Any]:
        """Measures every system that has not been measured, and writes the report."""
        self._report_data()
        questions = self.dev_questions()
        for system in self.systems():
            self._measure(system, questions)
        return report.read(self._workdir)

    def _report_data(self) -> None:
        data = self._data
        self._report("corpus", dict(data.blocks.counts))
        spans = data.passages.spans
        marks = {} if spans is None else spans.counts
        self._report("passages", {**data.passages.blocks.counts, **marks})
        self._report("warmup", dict(self.reader_weights.counts))
        train = open_qa.read(self._inputs.questions_train, self._config.questions)
        frequent = metrics.frequent_answer_exact_match(train, self.dev_questions())
        self._report("frequent_answer", {"exact_match": frequent})
        done = {"done": True} if self.realm else {"skipped": self._why_not_joint()}
        self._report("pretrain", done)

    def dev_questions(self) -> list[open_qa.Question]:
        """The dev questions that are measured: all, or an even sample."""
        questions = open_qa.read(self._inputs.questions_dev, self._config.questions)
        most = self._config.evaluation.max_questions
        step = max(1, -(-len(questions) // most))
        return questions[::step]

    def example_questions(self, count: int) -> list[open_qa.Question]:
        """Dev questions to show, spread evenly."""
        questions = self.dev_questions()
        return questions[:: max(1, len(questions) // count)][:count]

    def report_text(self) -> str:
        """The report, for people."""
        return report.render(report.read(self._workdir))

    def exported_model(self) -> str:
        """Directory of the exported model's versions."""
        return os.path.join(self._workdir, "export")

    def export(self, output: str | None = None) -> str:
        """Exports the best system; returns the directory of its versions."""
        system = self.best_system()
        return self._stage(
            "export",
            lambda: export.export_model(
                self.context,
                system,
                self.fine_tuned(system),
                output or self.exported_model(),
            ),
        )

    def _measure(self, system: system_lib.System, questions: Sequence[open_qa.Question]) -> None:
        weights = self.fine_tuned(system)
        measured = {
            **system.made_from(),
            "open_qa": weights.fingerprint,
            "questions": open_qa.fingerprint(self._inputs.questions_dev, self._config.questions),
            "evaluation": artifacts.digest(config_lib.to_dict(self._config.evaluation)),
        }
        known = report.read(self._workdir).get("systems", {}).get(system.name, {})
        if known.get("measured") == measured:
            return
        figures = self._stage(
            f"evaluate/{system.name}",
            lambda: measure.measure(
                self.context,
                system,
                weights,
                questions,
                os.path.join(self._workdir, f"predictions_{system.name}.jsonl"),
            ),
        )
        systems = report.read(self._workdir).get("systems", {})
        self._report("systems", {**systems, system.name: {**figures, "measured": measured}})
