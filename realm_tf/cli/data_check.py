# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The commands `realm data check` and `realm data split`.

Nothing here imports TensorFlow until it is called.
"""

from __future__ import annotations

import json

import click

from realm_tf import config as config_lib
from realm_tf.cli import options
from realm_tf.commands import paths


@click.group()
def data() -> None:
    """Look at your own data before a run, and divide questions."""


@data.command()
@options.several(options.CONFIG)
@options.several(options.CORPUS)
@options.several(options.QUESTIONS)
@click.option("--vocab", "vocab_path", metavar="DIR", help='Segment "vocab", if there is one.')
@click.option(
    "--max-documents",
    type=click.IntRange(min=1),
    default=100_000,
    show_default=True,
    help="Number of documents that are looked at, from the first on.",
)
@options.JSON
def check(
    config_files: tuple[str, ...],
    overrides: tuple[str, ...],
    corpus: str,
    fmt: str,
    questions_train: str | None,
    questions_dev: str,
    vocab_path: str | None,
    max_documents: int,
    as_json: bool,
) -> None:
    """Check that a corpus, its questions and the settings suit each other. Nothing is written.

    Warnings leave the exit code at 0. It is 2 if nothing could be learnt from this data, or the run
    would be refused.
    """
    config = config_lib.load(config_files, overrides)
    paths.check_files(corpus)
    for file in filter(None, (questions_train, questions_dev)):
        paths.check_file(file, "file of questions")
    if vocab_path is not None:
        paths.check_segment(vocab_path, "vocab")

    from realm_tf.commands import data_check, run_inputs

    inputs = run_inputs.Inputs(corpus, questions_train, questions_dev, format=fmt)
    found = data_check.check(inputs, config, vocab=vocab_path, max_documents=max_documents)
    click.echo(json.dumps(found.to_json()) if as_json else found.text())
    data_check.require_usable(found)


@data.command()
@click.argument("questions", metavar="FILE")
@options.SET
@click.option(
    "--output", required=True, metavar="DIR", help="Directory for train.jsonl and dev.jsonl."
)
@options.JSON
def split(questions: str, overrides: tuple[str, ...], output: str, as_json: bool) -> None:
    """Divide a file of questions into train.jsonl and dev.jsonl, as ORQA's code does.

    A tenth is for dev, by FarmHash of the question. Settings (--set questions.format=...) say how
    the file is read; what is written is JSON Lines.
    """
    reading = config_lib.load((), overrides).questions
    paths.check_file(questions, "file of questions")

    from realm_tf.commands import split_questions

    found = split_questions.split(questions, output, reading)
    told = "\n".join(f"{count:,} {part}" for part, count in found.items())
    click.echo(json.dumps(found) if as_json else told)
