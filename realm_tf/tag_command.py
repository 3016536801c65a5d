# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command `realm tag`. Nothing here imports TensorFlow until it is called."""

from __future__ import annotations

import json
from typing import Any

import click

from realm_tf import command_options as options
from realm_tf import config as config_lib


@click.command()
@options.several(options.CONFIG)
@click.option("--blocks", "blocks_path", required=True, metavar="DIR", help='Segment "blocks".')
@click.option("--vocab", "vocab_path", required=True, metavar="DIR", help='Segment "vocab".')
@click.option("--tagger", metavar="DIR", help='Segment "span_tagger", or rules; tagging.tagger.')
@options.OUTPUT
@options.DRY_RUN
@options.RESUME
@options.JSON
@options.BEAM
def tag(
    config_file: str | None,
    overrides: tuple[str, ...],
    blocks_path: str,
    vocab_path: str,
    tagger: str | None,
    output: str,
    dry_run: int | None,
    resume: bool,
    as_json: bool,
    beam_args: tuple[str, ...],
) -> None:
    """Mark salient spans in blocks (a Beam job): by rules, or by a trained tagger.

    Options after -- go to Apache Beam.
    """
    from realm_tf import jobs

    if tagger is not None:
        overrides += (f"tagging.tagger={json.dumps(tagger)}",)
    config = config_lib.load(config_file, overrides)

    def make(blocks: str, root: str) -> Any:
        return jobs.make_passages(config, blocks, vocab_path, root, beam_args, resume=resume)

    if dry_run is not None:
        click.echo(jobs.preview(blocks_path, dry_run, make))
    else:
        options.print_segment(make(blocks_path, output), as_json)
