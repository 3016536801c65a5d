# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The commands of an exported model: `realm export` and `realm ask`."""

from __future__ import annotations

import json

import click

from realm_tf.cli import options
from realm_tf.commands import paths


@click.command()
@options.WORKDIR
@click.option(
    "--output",
    metavar="DIR",
    help="Directory of the exported model. Default: export/ in --workdir.",
)
@options.JSON
def export(workdir: str, output: str | None, as_json: bool) -> None:
    """Export the fine-tuned model of a run as a SavedModel for TF Serving."""
    paths.check_run(workdir)

    from realm_tf.commands import run_pipeline
    from serving import versions

    with run_pipeline.Pipeline.open(workdir) as run:
        path = run.export(output)
    body = {"path": path, "version": versions.numbers(path)[-1]}
    click.echo(json.dumps(body) if as_json else path)


@click.command()
@click.option("--model", required=True, metavar="DIR", help="Directory of the exported model.")
@click.option(
    "--answers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Number of answers to print for each question.",
)
@options.JSON
@click.argument("questions", nargs=-1, required=True)
def ask(model: str, answers: int, as_json: bool, questions: tuple[str, ...]) -> None:
    """Answer questions with an exported model, and show the evidence.

    A question that begins with a dash goes after --.
    """
    paths.check_export(model)

    from serving import client

    for question, ranked in zip(questions, client.ask(model, list(questions)), strict=True):
        kept = ranked[:answers]
        if as_json:
            # JavaScript and others read numbers above 2^53 wrong, so an id is a string.
            found = [{**vars(answer), "block_id": str(answer.block_id)} for answer in kept]
            body = {"question": question, "answers": found}
            click.echo(json.dumps(body, ensure_ascii=False))
            continue
        click.echo(question)
        for answer in kept:
            click.echo(client.format_answer(answer))
