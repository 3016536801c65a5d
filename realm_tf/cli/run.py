# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The commands of a whole run: `realm run` and `quickstart`."""

from __future__ import annotations

import json
import pathlib
import shlex
from typing import Any

import click

from realm_tf import config as config_lib
from realm_tf.cli import options
from realm_tf.commands import paths


@click.command()
@options.several(options.CONFIG)
@options.several(options.CORPUS)
@options.several(options.PRETRAIN_CORPUS)
@options.several(options.QUESTIONS)
@options.WORKDIR
@options.JSON
@click.option(
    "--dry-run",
    is_flag=True,
    help="Only say which stages are complete and which would run; nothing is written.",
)
@options.NO_REFRESHER
@options.REPLAY_SWAPS
@options.BEAM
def run(
    config_files: tuple[str, ...],
    overrides: tuple[str, ...],
    corpus: str,
    fmt: str,
    pretrain_corpus: str | None,
    pretrain_format: str,
    questions_train: str | None,
    questions_dev: str,
    workdir: str,
    as_json: bool,
    dry_run: bool,
    no_refresher: bool,
    replay_swaps: str | None,
    beam_args: tuple[str, ...],
) -> None:
    """Run all stages, from a corpus to an exported model. A run that stopped is continued.

    Options after -- go to Apache Beam.
    """
    config = config_lib.load(config_files, overrides)
    if replay_swaps is not None:
        paths.check_file(replay_swaps, "log of swaps")
        config = config_lib.replaced(config, {options.REPLAYED: replay_swaps})
    for pattern in filter(None, (corpus, pretrain_corpus)):
        paths.check_files(pattern)
    for file in filter(None, (questions_train, questions_dev)):
        paths.check_file(file, "file of questions")

    from realm_tf.commands import run_inputs, run_pipeline, run_plan

    inputs = run_inputs.Inputs(
        corpus, questions_train, questions_dev, beam_args, fmt, pretrain_corpus, pretrain_format
    )
    if dry_run:
        stages = run_plan.plan(workdir, inputs, config)
        lines = (f"{name:<9} {state}" for name, state in stages.items())
        click.echo(json.dumps(stages) if as_json else "\n".join(lines))
        return
    has_refresher = not no_refresher
    with run_pipeline.Pipeline.create(
        workdir, inputs, config, has_refresher=has_refresher
    ) as started:
        _run(started, workdir, as_json)


@click.command()
@options.WORKDIR
@options.SET
@options.JSON
def quickstart(workdir: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Run all stages on the bundled sample, then answer five questions."""
    package = pathlib.Path(__file__).parents[1]
    config = config_lib.load(str(package / "configs" / "quickstart.yaml"), overrides)

    from realm_tf.commands import run_inputs, run_pipeline

    sample = package / "data" / "sample"
    inputs = run_inputs.Inputs(
        corpus=str(sample / "corpus.jsonl.gz"),
        questions_train=str(sample / "questions_train.jsonl.gz"),
        questions_dev=str(sample / "questions_dev.jsonl.gz"),
    )
    with run_pipeline.Pipeline.create(workdir, inputs, config) as started:
        _run(started, workdir, as_json)
        if not as_json:
            _show_answers(started)


def _run(stages: Any, workdir: str, as_json: bool) -> None:
    from realm_tf.commands import run_page

    figures = stages.run()
    page = run_page.write(workdir)
    if as_json:
        click.echo(json.dumps(figures))
    else:
        click.echo(f"{stages.report_text()}\n\nPlots and examples: {page}")


def _show_answers(finished: Any) -> None:
    from serving import client, replies

    questions = [question.question for question in finished.example_questions(5)]
    model = finished.exported_model()
    click.echo(f"\nFive questions of the dev set, answered by the SavedModel in {model}:")
    for question, answers in zip(questions, client.ask(model, questions), strict=True):
        click.echo(f"\n{question}")
        click.echo(replies.format_answer(answers[0]) if answers else "  (no answer)")
    command = shlex.join(["realm", "ask", "--model", model, questions[0]])
    click.echo(f"\nAsk your own: {command}")
