# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command `realm evaluate`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.cli import options
from realm_tf.commands import paths


@click.command()
@click.option("--workdir", metavar="DIR", help="Directory of a run, whose systems are measured.")
@click.option(
    "--predictions",
    metavar="FILE",
    help="Predictions to score, in place of a run: a predictions_*.jsonl, or a file in the format"
    " of ORQA's code, with --questions.",
)
@click.option(
    "--questions",
    metavar="FILE",
    help="Questions with the right answers to predictions in ORQA's format.",
)
@options.SET
@click.option(
    "--against",
    metavar="RUN",
    help="Another run (its exported system) or file of predictions: compare with it by a paired"
    " test.",
)
@click.option(
    "--write-orqa",
    "orqa",
    metavar="FILE",
    help="Write the first answers in the format of ORQA's code, those of the exported system.",
)
@options.JSON
def evaluate(
    workdir: str | None,
    predictions: str | None,
    questions: str | None,
    overrides: tuple[str, ...],
    against: str | None,
    orqa: str | None,
    as_json: bool,
) -> None:
    """Measure the systems of a run, or score a file of predictions.

    Settings (--set) of evaluation and retrieval.fusion become those of the run, which is measured
    again. With --predictions, those of questions say how the file of questions is read.
    """
    _check(workdir, predictions, questions, overrides, against)
    reading = config_lib.load((), overrides if workdir is None else ()).questions
    measured = None if workdir is None else _measure(workdir, overrides)

    from realm_tf.commands import score

    ours = score.read(str(predictions or workdir), questions, reading)
    found, text = measured or score.scored(ours)
    if against is not None:
        compared = score.compare(ours, score.read_other(against, ours))
        found, text = {**found, "against": compared}, f"{text}\n\n{score.comparison_text(compared)}"
    if orqa is not None:
        score.write_orqa(orqa, ours)
    click.echo(json.dumps(found) if as_json else text)


def _check(
    workdir: str | None,
    predictions: str | None,
    questions: str | None,
    overrides: tuple[str, ...],
    against: str | None,
) -> None:
    """Refuses options that do not go together, and wrong paths."""
    if (workdir is None) == (predictions is None):
        raise types.UserError("realm evaluate needs --workdir or --predictions, and not both.")
    if workdir is not None and questions is not None:
        raise types.UserError("--questions goes with --predictions: a run has its own questions.")
    if overrides and questions is None and workdir is None:
        raise types.UserError("--set says how --questions is read, and needs it.")
    for path, what in ((predictions, "file of predictions"), (questions, "file of questions")):
        if path is not None:
            paths.check_file(path, what)
    if workdir is not None:
        paths.check_run(workdir)
    if against is not None and not paths.is_run(against):
        paths.check_file(against, "run or file of predictions")


def _measure(workdir: str, overrides: tuple[str, ...]) -> tuple[Mapping[str, Any], str]:
    from realm_tf.commands import run_page, run_pipeline

    with run_pipeline.Pipeline.open(workdir, evaluated_with=overrides) as opened:
        found, page = opened.evaluate(), run_page.write(workdir)
        return found, f"{opened.report_text()}\n\nPlots and examples: {page}"
