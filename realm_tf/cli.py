# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The `realm` command. Nothing here imports TensorFlow until a command needs it."""

from __future__ import annotations

import json
import logging
import pathlib
import shlex
import sys
from typing import Any

import click

from realm_tf import command_options as options
from realm_tf import config as config_lib
from realm_tf import (
    convert_command,
    examples_command,
    tag_command,
    train_command,
    types,
    version,
)


class _Commands(click.Group):
    """Turns the user's mistakes into one line and exit code 2, without a traceback."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except types.UserError as error:
            click.echo(f"realm: {error}", err=True)
            context.exit(2)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version.__version__, prog_name="realm")
@click.option("-v", "--verbose", is_flag=True, help="Show what the libraries log, too.")
def main(verbose: bool) -> None:
    """Train and serve REALM, retrieval-augmented language models, on your own text."""
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(stream=sys.stderr, level=level, format="%(asctime)s %(message)s")
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_no_user_error)
    for name in ("realm_tf", "beam_jobs", "serving"):
        logging.getLogger(name).setLevel(logging.INFO)


def _is_no_user_error(record: logging.LogRecord) -> bool:
    """False for the traceback that Beam logs of a user's mistake; `_Commands` tells it."""
    return not (record.exc_info and isinstance(record.exc_info[1], types.UserError))


@main.command()
@options.several(options.CONFIG)
@options.several(options.CORPUS)
@options.several(options.PRETRAIN_CORPUS)
@click.option("--questions-train", required=True, metavar="FILE", help="JSON lines.")
@click.option("--questions-dev", required=True, metavar="FILE", help="JSON lines.")
@options.WORKDIR
@options.JSON
@options.BEAM
def run(
    config_file: str | None,
    overrides: tuple[str, ...],
    corpus: str,
    fmt: str,
    pretrain_corpus: str | None,
    pretrain_format: str,
    questions_train: str,
    questions_dev: str,
    workdir: str,
    as_json: bool,
    beam_args: tuple[str, ...],
) -> None:
    """Run all stages, from a corpus to a served model; resume where it stopped.

    Options after -- go to Apache Beam.
    """
    from realm_tf import pipeline, run_inputs

    config = config_lib.load(config_file, overrides)
    inputs = run_inputs.Inputs(
        corpus, questions_train, questions_dev, beam_args, fmt, pretrain_corpus, pretrain_format
    )
    _run(pipeline.Pipeline.create(workdir, inputs, config), as_json)


@main.command()
@options.WORKDIR
@click.option("--set", "overrides", multiple=True, metavar="A.B=C", help="Override a setting.")
@options.JSON
def quickstart(workdir: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Run all stages on the bundled sample, and answer five questions."""
    from realm_tf import pipeline, run_inputs

    package = pathlib.Path(__file__).parent
    sample = package / "data" / "sample"
    inputs = run_inputs.Inputs(
        corpus=str(sample / "corpus.jsonl.gz"),
        questions_train=str(sample / "questions_train.jsonl.gz"),
        questions_dev=str(sample / "questions_dev.jsonl.gz"),
    )
    config = config_lib.load(str(package / "configs" / "quickstart.yaml"), overrides)
    finished = pipeline.Pipeline.create(workdir, inputs, config)
    _run(finished, as_json)
    if not as_json:
        _show_answers(finished)


def _run(stages: Any, as_json: bool) -> None:
    figures = stages.run()
    if as_json:
        click.echo(json.dumps(figures))
    else:
        click.echo(stages.report_text())


def _show_answers(finished: Any) -> None:
    from serving import client

    questions = [question.question for question in finished.example_questions(5)]
    model = finished.exported_model()
    click.echo(f"\nFive questions of the dev set, answered by the SavedModel in {model}:")
    for question, answers in zip(questions, client.ask(model, questions), strict=True):
        click.echo(f"\n{question}")
        click.echo(client.format_answer(answers[0]) if answers else "  (no answer)")
    command = shlex.join(["realm", "ask", "--model", model, questions[0]])
    click.echo(f"\nAsk your own: {command}")


@main.command()
@options.several(options.CONFIG)
@options.several(options.CORPUS)
@options.OUTPUT
@options.JSON
def vocab(
    config_file: str | None,
    overrides: tuple[str, ...],
    corpus: str,
    fmt: str,
    output: str,
    as_json: bool,
) -> None:
    """Learn a WordPiece vocabulary from a corpus, or take the configured file."""
    from realm_tf import jobs

    config = config_lib.load(config_file, overrides)
    options.print_segment(jobs.make_vocab(config, corpus, output, fmt), as_json)


@main.command()
@options.several(options.CONFIG)
@options.several(options.CORPUS)
@click.option("--vocab", "vocab_path", required=True, metavar="DIR", help='Segment "vocab".')
@options.OUTPUT
@options.DRY_RUN
@options.RESUME
@options.MAX_BAD_FRACTION
@options.JSON
@options.BEAM
def blocks(
    config_file: str | None,
    overrides: tuple[str, ...],
    corpus: str,
    fmt: str,
    vocab_path: str,
    output: str,
    dry_run: int | None,
    resume: bool,
    max_bad_fraction: float | None,
    as_json: bool,
    beam_args: tuple[str, ...],
) -> None:
    """Cut a corpus into blocks, or take over ready ones (a Beam job).

    The formats of the original code hold ready blocks; realm-pretrain holds passages with their
    salient spans, and gives a segment of passages. Options after -- go to Apache Beam.

    A report, and the records that could not be used, are left beside the segment in <segment>.job.
    """
    from realm_tf import jobs

    if max_bad_fraction is not None:
        overrides = (*overrides, f"jobs.max_bad_fraction={max_bad_fraction}")
    config = config_lib.load(config_file, overrides)
    if dry_run is not None:
        click.echo(jobs.preview_blocks(config, corpus, vocab_path, fmt, dry_run))
        return
    made = jobs.make_blocks(config, corpus, vocab_path, output, beam_args, fmt, resume=resume)
    options.print_segment(made, as_json)


@main.command()
@options.several(options.CONFIG)
@click.option("--blocks", "blocks_path", required=True, metavar="DIR", help='Segment "blocks".')
@click.option("--vocab", "vocab_path", required=True, metavar="DIR", help='Segment "vocab".')
@click.option("--embedder", required=True, metavar="DIR", help='Segment "embedder".')
@options.OUTPUT
@options.JSON
@options.BEAM
def embed(
    config_file: str | None,
    overrides: tuple[str, ...],
    blocks_path: str,
    vocab_path: str,
    embedder: str,
    output: str,
    as_json: bool,
    beam_args: tuple[str, ...],
) -> None:
    """Embed blocks with an embedder (a Beam job). Options after -- go to Apache Beam."""
    from realm_tf import jobs

    config = config_lib.load(config_file, overrides)
    made = jobs.make_vectors(config, blocks_path, vocab_path, embedder, output, beam_args)
    options.print_segment(made, as_json)


@main.command()
@options.several(options.CONFIG)
@click.option("--vectors", required=True, metavar="DIR", help='Segment "vectors".')
@options.OUTPUT
@options.JSON
def index(
    config_file: str | None, overrides: tuple[str, ...], vectors: str, output: str, as_json: bool
) -> None:
    """Build the index of vectors, ScaNN or exact."""
    from realm_tf import jobs

    config = config_lib.load(config_file, overrides)
    options.print_segment(jobs.make_index(config.retrieval, vectors, output), as_json)


@main.command()
@options.WORKDIR
@options.JSON
def evaluate(workdir: str, as_json: bool) -> None:
    """Measure the systems of a run and print its report."""
    from realm_tf import pipeline

    stages = pipeline.Pipeline.open(workdir)
    figures = stages.evaluate()
    click.echo(json.dumps(figures) if as_json else stages.report_text())


@main.command()
@options.WORKDIR
@click.option("--output", metavar="DIR", help="Of the model; by default the run's export/.")
def export(workdir: str, output: str | None) -> None:
    """Export the fine-tuned model of a run as a SavedModel for TF Serving."""
    from realm_tf import pipeline

    click.echo(pipeline.Pipeline.open(workdir).export(output))


@main.command()
@click.option("--model", required=True, metavar="DIR", help="Exported model.")
@click.option("--answers", default=1, show_default=True, help="Answers per question.")
@options.JSON
@click.argument("questions", nargs=-1, required=True)
def ask(model: str, answers: int, as_json: bool, questions: tuple[str, ...]) -> None:
    """Answer questions with an exported model, showing the evidence."""
    from serving import client

    for question, ranked in zip(questions, client.ask(model, list(questions)), strict=True):
        kept = ranked[:answers]
        if as_json:
            body = {"question": question, "answers": [vars(answer) for answer in kept]}
            click.echo(json.dumps(body, ensure_ascii=False))
            continue
        click.echo(question)
        for answer in kept:
            click.echo(client.format_answer(answer))


@main.command()
@click.argument("path")
@click.option("--row", type=int, help="Row of a block table, or of a blocks segment.")
@click.option("--verify/--no-verify", default=True, help="Compare checksums.")
def inspect(path: str, row: int | None, verify: bool) -> None:
    """Print a segment, a block of it, the report of a job, or a snapshot, readably."""
    from realm_tf import inspection

    click.echo(inspection.describe(path, row=row, verify=verify))


main.add_command(convert_command.convert)
main.add_command(examples_command.examples)
main.add_command(tag_command.tag)
main.add_command(train_command.train)
