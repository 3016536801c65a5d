# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command `realm inspect`."""

from __future__ import annotations

import click


@click.command()
@click.argument("path")
@click.option("--row", type=int, help="Row of a block table, or of a blocks segment, to print.")
@click.option(
    "--verify/--no-verify",
    default=True,
    show_default=True,
    help="Whether to compare the checksums of the files.",
)
def inspect(path: str, row: int | None, verify: bool) -> None:
    """Print a segment, one block of it, the report of a job, or a snapshot in readable form."""
    from realm_tf.commands import inspect as inspect_command

    click.echo(inspect_command.describe(path, row=row, verify=verify))
