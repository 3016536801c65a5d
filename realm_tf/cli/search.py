# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command that searches a snapshot: `realm search`."""

from __future__ import annotations

import json
from typing import Any

import click

from realm_tf.cli import options


@click.command()
@click.argument("path")
@click.argument("questions", nargs=-1, required=True)
@click.option(
    "--k",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Number of blocks to find for each question.",
)
@click.option(
    "--filter",
    "conditions",
    multiple=True,
    metavar="CONDITION",
    help="What the metadata of a document must meet: FIELD=VALUE, FIELD=VALUE,VALUE,... or, of"
    " numbers and dates, FIELD>=VALUE (also >, <= and <). Of several, all must hold. Fields are"
    " those of corpus.metadata_fields.",
)
@click.option(
    "--vocab",
    metavar="DIR",
    help='Segment "vocab" of snapshots; by default it is looked for beside their blocks.',
)
@options.JSON
def search(
    path: str,
    questions: tuple[str, ...],
    k: int,
    conditions: tuple[str, ...],
    vocab: str | None,
    as_json: bool,
) -> None:
    """Find the blocks for QUESTIONS, without answering them, and show their documents.

    PATH is the directory of a finished run, a directory of snapshots, or the file of a snapshot
    (step-....json). Of a directory, the newest snapshot is searched. With --json, a line for each
    question.
    """
    from realm_tf.commands import search as command

    request = command.Request.parsed(questions, k, conditions)
    command.check(path)
    for found in command.search(path, request, vocab=vocab):
        if as_json:
            click.echo(json.dumps(found, ensure_ascii=False))
        else:
            _print(found)


def _print(found: dict[str, Any]) -> None:
    click.echo(found["question"])
    for number, block in enumerate(found["blocks"], start=1):
        fields = ", ".join(f"{name}: {value}" for name, value in block["metadata"].items())
        click.echo(
            f"{number:>4}. {block['title'] or block['doc_id']} [{block['doc_id']}]"
            f"  score {block['retrieval_score']:.3f}" + (f"  ({fields})" if fields else "")
        )
        click.echo(f"      {' '.join(block['block_text'].split())}")
    if not found["blocks"]:
        click.echo("   No document meets the filter.")
