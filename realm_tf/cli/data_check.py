# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command `realm data check`. Nothing here imports TensorFlow until it is called."""

from __future__ import annotations

import json

import click

from realm_tf import config as config_lib
from realm_tf.cli import options
from realm_tf.commands import paths


@click.group()
def data() -> None:
    """Look at your own data before a run."""


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
    questions_train: str,
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
    for file in (questions_train, questions_dev):
        paths.check_file(file, "file of questions")
    if vocab_path is not None:
        paths.check_segment(vocab_path, "vocab")

    from realm_tf.commands import data_check, run_inputs

    inputs = run_inputs.Inputs(corpus, questions_train, questions_dev, format=fmt)
    found = data_check.check(inputs, config, vocab=vocab_path, max_documents=max_documents)
    click.echo(json.dumps(found.to_json()) if as_json else found.text())
    data_check.require_usable(found)
