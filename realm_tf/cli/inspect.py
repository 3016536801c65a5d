# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command `realm inspect`."""

from __future__ import annotations

import json

import click

from realm_tf.cli import options


@click.command()
@click.argument("path")
@click.option("--row", type=int, help="Row of a block table, or of a blocks segment, to print.")
@click.option(
    "--verify/--no-verify",
    default=True,
    show_default=True,
    help="Whether to compare the checksums of the files.",
)
@click.option(
    "--quick",
    is_flag=True,
    help="Of a run, tell at once how far its trainings are, and leave out its stages.",
)
@options.JSON
def inspect(path: str, row: int | None, verify: bool, quick: bool, as_json: bool) -> None:
    """Print a segment, one block of it, the report of a job, a snapshot, an export or a run."""
    from realm_tf.commands import inspect as inspect_command

    if as_json:
        click.echo(json.dumps(inspect_command.facts(path, row=row, verify=verify, quick=quick)))
    else:
        click.echo(inspect_command.describe(path, row=row, verify=verify, quick=quick))
