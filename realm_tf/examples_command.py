# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command `realm examples`. Nothing here imports TensorFlow until it is called."""

from __future__ import annotations

from typing import Any

import click

from realm_tf import command_options as options
from realm_tf import config as config_lib


@click.command()
@options.several(options.CONFIG)
@click.option("--task", required=True, type=click.Choice(["masked", "ict", "annotated"]))
@click.option(
    "--blocks", "blocks_path", required=True, metavar="DIR", help='Segment "passages" or "blocks".'
)
@click.option("--vocab", "vocab_path", required=True, metavar="DIR", help='Segment "vocab".')
@click.option("--per-block", default=1, show_default=True, help="Examples of every block.")
@options.OUTPUT
@options.DRY_RUN
@options.RESUME
@options.JSON
@options.BEAM
def examples(
    config_file: str | None,
    overrides: tuple[str, ...],
    task: str,
    blocks_path: str,
    vocab_path: str,
    per_block: int,
    output: str,
    dry_run: int | None,
    resume: bool,
    as_json: bool,
    beam_args: tuple[str, ...],
) -> None:
    """Write training examples as TFRecords (a Beam job), for a trainer of your own.

    masked: passages with one span masked. ict: sentences and their blocks. annotated: passages with
    their spans as text, in the original's format. Options after -- go to Apache Beam.
    """
    from realm_tf import jobs

    config = config_lib.load(config_file, overrides)

    def make(blocks: str, root: str) -> Any:
        return jobs.make_examples(
            config, task, per_block, blocks, vocab_path, root, beam_args, resume=resume
        )

    if dry_run is not None:
        click.echo(jobs.preview(blocks_path, dry_run, make))
    else:
        options.print_segment(make(blocks_path, output), as_json)
