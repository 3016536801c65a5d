# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`realm run`: from a corpus to an exported model, stage by stage.

Every stage's result is a segment named by its recipe, so a stage is complete exactly when its
segment is, whatever was killed when. Running again continues; changing a setting runs again only
what depends on it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from realm_tf import artifacts
from realm_tf import config as config_lib
from realm_tf.commands import (
    arms,
    calibrate,
    data_check,
    data_stages,
    device_checks,
    measure,
    qa_module,
    run_figures,
    run_inputs,
    stages,
    training_stages,
)
from realm_tf.commands import export as export_lib
from realm_tf.commands.documents import run_record
from realm_tf.data import sampling
from realm_tf.data.questions import questions as open_qa
from realm_tf.evaluation import report
from realm_tf.retrieval import reading
from realm_tf.training.engine import workers
from realm_tf.training.run import refresher_process
from realm_tf.training.run import system as system_lib

_WHOLE = export_lib.Form()


class Pipeline:
    """The stages of one run.

    Use `create` or `open`.

    Args:
      workdir: Where everything of the run lies.
      inputs: What the user brought.
      config: Resolved.
      recorded: Whether the data that the run was made of is taken as it is, without its corpus.
      check: Called before every stage; may end the run.
      has_refresher: Whether joint training starts a refresher of its own where it needs one.
      worker: Which of the processes that train together this is.
    """

    def __init__(
        self,
        workdir: str,
        inputs: run_inputs.Inputs,
        config: config_lib.Config,
        *,
        recorded: bool = False,
        check: Callable[[], None] = lambda: None,
        has_refresher: bool = True,
        worker: workers.Worker = workers.ALONE,
    ):
        workdir = workdir if artifacts.is_remote(workdir) else os.path.normpath(workdir)
        self._workdir, self._inputs, self._config = workdir, inputs, config
        self._worker = worker
        self.root = os.path.join(workdir, "segments")
        self._stages = stages.Stages(workdir, self.root, check, worker)
        self.data = data_stages.DataStages(
            workdir,
            self.root,
            inputs,
            config,
            self._stages.run_by_chief,
            recorded=recorded,
            worker=worker,
        )
        command = refresher_process.command(workdir) if has_refresher else None
        self.training = training_stages.TrainingStages(
            self.root, inputs, config, self.data, self._stages.run, command
        )

    @classmethod
    @contextlib.contextmanager
    def create(
        cls,
        workdir: str,
        inputs: run_inputs.Inputs,
        config: config_lib.Config,
        *,
        has_refresher: bool = True,
    ) -> Iterator[Pipeline]:
        """Starts a run, or continues it: writes its inputs and resolved configuration first.

        Yields:
          The run, in whose work directory no other process works meanwhile, unless it trains
          together with this one.

        Raises:
          UserError: If an input is missing, another process works there, the work directory cannot
            be made or written, or the devices are not there.
        """
        run_inputs.check(inputs, config)

        def save() -> None:
            if run_inputs.save(workdir, inputs, config):
                report.keep(workdir, "seconds")

        with workers.at_work(workdir, config.runtime, save) as (worker, check):
            saved = run_inputs.load(workdir)
            run_inputs.require_same(workdir, inputs, config)
            device_checks.check_run(config)
            yield cls(workdir, *saved, check=check, worker=worker)

    @classmethod
    @contextlib.contextmanager
    def open(
        cls,
        workdir: str,
        *,
        has_refresher: bool = True,
        changes: Mapping[str, Any] | None = None,
        evaluated_with: Sequence[str] = (),
    ) -> Iterator[Pipeline]:
        """Opens a run that `create` started; complete data needs no corpus.

        Settings are others for now (`changes`, by their names), or for good (`evaluated_with`, of
        the evaluation alone, each "section.key=value").

        Yields:
          The run, in whose work directory no other process works meanwhile, unless it trains
          together with this one.

        Raises:
          UserError: If there is none, another process works there, it cannot be written, the
            devices are not there, or a setting decides more than the evaluation.
        """
        runtime = run_inputs.load(workdir)[1].runtime
        change = functools.partial(run_inputs.change_evaluation, workdir, evaluated_with)
        with workers.at_work(workdir, runtime, change) as (worker, check):
            inputs, config = run_inputs.load(workdir)
            config = config_lib.replaced(config, changes or {})
            device_checks.check_run(config)
            yield cls(workdir, inputs, config, recorded=True, check=check, worker=worker)

    def run(self) -> dict[str, Any]:
        """Checks the data, runs every stage that is not complete; returns the report."""
        vocab = self.data.vocab
        if self._worker.is_chief:
            data_check.check_once(self._workdir, self._inputs, self._config, vocab)
        self.evaluate()
        self.export()
        return self._stages.finished_report()

    def evaluate(self) -> dict[str, Any]:
        """Measures every system that has not been measured, and writes the report."""
        if not self._worker.is_chief:  # it trains with the chief, and measures nothing
            for system in self.training.systems():
                self.training.fine_tuned(system)
            return self._stages.finished_report()
        self.data.record()
        self._report_data()
        questions = self.dev_questions()
        known, measured = self._stages.whole_report().get("systems", {}), {}
        for system in self.training.systems():
            measured[system.name] = self._measured(system, questions, known)
            self._stages.report("systems", measured)
        skipped = {"pretrain"} if self.training.realm is None else set()
        others = arms.others(self._config)
        seconds = run_figures.forget_others(self._workdir, measured, others, skipped)
        self._stages.report("seconds", seconds)
        return self._stages.finished_report()

    def _report_data(self) -> None:
        found = run_figures.of_parts(
            self.data, self.training, self._training_questions(), self.dev_questions()
        )
        for section, figures in found.items():
            self._stages.report(section, figures)

    def _training_questions(self) -> list[open_qa.Question]:
        path = self._inputs.questions_train
        return [] if path is None else open_qa.read(path, self._config.questions)

    def dev_questions(self) -> list[open_qa.Question]:
        """The dev questions that are measured: all, or an even sample."""
        questions = open_qa.read(self._inputs.questions_dev, self._config.questions)
        return sampling.evenly(questions, self._config.evaluation.max_questions)

    def example_questions(self, count: int) -> list[open_qa.Question]:
        """Dev questions to show, spread evenly."""
        return sampling.evenly(self.dev_questions(), count)

    def report_text(self) -> str:
        """The report, for people."""
        return report.render(self._stages.whole_report())

    def exported_model(self) -> str:
        """Directory of the exported model's versions."""
        return os.path.join(self._workdir, "export")

    def export(self, output: str | None = None, form: export_lib.Form = _WHOLE) -> str:
        """Exports the best system to `output`, or the run's own; see `export_lib.export_model`."""
        export_lib.check(self._config, form)
        target, source = output or self.exported_model(), self._source()
        if not self._worker.is_chief or export_lib.is_current(source, target, form):
            return target
        with reading.hold(source.system.snapshot):
            return self._export(source, output, target, form)

    def _export(
        self, source: export_lib.Source, output: str | None, target: str, form: export_lib.Form
    ) -> str:
        # A reader apart keeps its calibration, so that an update of documents takes seconds.
        ready = form.has_reader_apart and export_lib.has_reader(source, target)
        calibration = None if ready else self._calibrated(source)
        make = functools.partial(export_lib.export_model, source, calibration, target, form)
        if output is None:
            return self._stages.run("export", make, target)
        self._stages.check()  # a copy for elsewhere is no stage of the run
        return make(questions=self.dev_questions())

    def is_exported(self) -> bool:
        """Whether the newest version of the export is the best system of this configuration."""
        return export_lib.is_current(self._source(), self.exported_model(), _WHOLE)

    def _source(self) -> export_lib.Source:
        parts = run_record.to_export(self._workdir, self.training)
        return export_lib.Source(*parts, self._questions_fingerprint)

    def _calibrated(self, source: export_lib.Source) -> artifacts.Segment:
        """The calibration of a fine-tuned system."""
        of = *source.parts(), self.dev_questions(), source.questions
        return self._stages.run(f"calibrate/{source.system.name}", lambda: calibrate.calibrate(*of))

    @property
    def _questions_fingerprint(self) -> str:
        return open_qa.fingerprint(self._inputs.questions_dev, self._config.questions)

    def is_measured(self, system: system_lib.System) -> bool:
        """Whether the report holds the figures of this very system."""
        known = self._stages.whole_report().get("systems", {}).get(system.name, {})
        weights = self.training.fine_tuned(system)
        _, system = run_record.with_documents(self.training.context, system)
        return known.get("measured") == self._measured_of(system, weights)

    def _measured_of(self, system: system_lib.System, weights: artifacts.Segment) -> dict[str, str]:
        return measure.identity(self._config, system, weights, self._questions_fingerprint)

    def _measured(
        self,
        system: system_lib.System,
        questions: Sequence[open_qa.Question],
        known: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        """The figures of a system, measured now unless they are known."""
        weights = self.training.fine_tuned(system)
        context, system = run_record.with_documents(self.training.context, system)
        measured = self._measured_of(system, weights)
        if known.get(system.name, {}).get("measured") == measured:
            return known[system.name]
        source = export_lib.Source(context, system, weights, self._questions_fingerprint)
        with reading.hold(system.snapshot):
            return {**self._figures(source, questions), "measured": measured}

    def _figures(
        self, source: export_lib.Source, questions: Sequence[open_qa.Question]
    ) -> dict[str, Any]:
        context, system, weights = source.parts()
        calibration, of_calibration = calibrate.load(self._calibrated(source))
        self._stages.check()
        started = time.monotonic()
        module = qa_module.make(context, system, weights, calibration)
        figures = measure.measure(context, system, module, questions, self._workdir)
        self._stages.report_seconds(f"evaluate/{system.name}", time.monotonic() - started)
        return {**figures, **of_calibration, **run_figures.kept_step(weights)}
