# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The commands that make the index: `realm embed`, `realm index` and `realm refresh`."""

from __future__ import annotations

import os

import click

from realm_tf import config as config_lib
from realm_tf.cli import interrupts, options
from realm_tf.commands import paths


@click.command()
@options.several(options.CONFIG)
@click.option("--blocks", "blocks_path", required=True, metavar="DIR", help='Segment "blocks".')
@click.option("--vocab", "vocab_path", required=True, metavar="DIR", help='Segment "vocab".')
@click.option("--embedder", required=True, metavar="DIR", help='Segment "embedder".')
@options.OUTPUT
@options.RESUME
@options.JSON
@options.BEAM
def embed(
    config_files: tuple[str, ...],
    overrides: tuple[str, ...],
    blocks_path: str,
    vocab_path: str,
    embedder: str,
    output: str,
    resume: bool,
    as_json: bool,
    beam_args: tuple[str, ...],
) -> None:
    """Compute the vectors of blocks with an embedder (a Beam job).

    Options after -- go to Apache Beam.
    """
    config = config_lib.load(config_files, overrides)
    paths.check_segment(blocks_path, "blocks")
    paths.check_segment(vocab_path, "vocab")
    paths.check_segment(embedder, "embedder")

    from beam_jobs import embed_blocks

    params = embed_blocks.Params(blocks_path, embedder, vocab_path, output, config)
    made = embed_blocks.embed_blocks(params, beam_args=beam_args, resume=resume)
    options.print_segment(made, as_json)


@click.command()
@options.several(options.CONFIG)
@click.option("--vectors", required=True, metavar="DIR", help='Segment "vectors".')
@options.OUTPUT
@options.JSON
def index(
    config_files: tuple[str, ...],
    overrides: tuple[str, ...],
    vectors: str,
    output: str,
    as_json: bool,
) -> None:
    """Build an index over vectors: exact, or with ScaNN."""
    config = config_lib.load(config_files, overrides)
    paths.check_segment(vectors, "vectors")

    from beam_jobs import build_index

    params = build_index.Params(vectors, output, config=config)
    options.print_segment(build_index.build_index(params), as_json)


@click.command()
@options.WORKDIR
@click.option("--watch", is_flag=True, help="Wait for exports until joint training has ended.")
@click.option("--with-parent", is_flag=True, hidden=True)  # how joint training starts it
@options.BEAM
def refresh(workdir: str, watch: bool, with_parent: bool, beam_args: tuple[str, ...]) -> None:
    """Make a snapshot of the newest embedder that joint training has exported.

    For a run with pretrain.refresh.mode=async. The snapshot is published for the trainer, and old
    ones are deleted. Options after -- go to Apache Beam, in place of those of the run.
    """
    paths.check_run(workdir)
    if with_parent:
        interrupts.end_when_input_closes()
        os.nice(10)

    from realm_tf.commands import refresh as command

    command.refresh(workdir, watch=watch, beam_args=beam_args)
