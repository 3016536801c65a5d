# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The commands that make the index: `realm embed`, `realm index` and `realm refresh`."""

from __future__ import annotations

import json
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
@click.option(
    "--questions",
    metavar="FILE",
    help="Questions to measure recall with. Needs --embedder and --vocab.",
)
@click.option(
    "--blocks",
    "blocks_path",
    metavar="DIR",
    help='Segment "blocks", whose sentences measure recall in place of questions.',
)
@click.option("--embedder", metavar="DIR", help='Segment "embedder" that made the vectors.')
@click.option("--vocab", "vocab_path", metavar="DIR", help='Segment "vocab".')
@click.option(
    "--tune",
    metavar="PLOT",
    help="Build nothing: print how fast searches are at which recall, and plot it to this file"
    " (.svg, .png or .pdf).",
)
@options.JSON
def index(
    config_files: tuple[str, ...],
    overrides: tuple[str, ...],
    vectors: str,
    output: str,
    questions: str | None,
    blocks_path: str | None,
    embedder: str | None,
    vocab_path: str | None,
    tune: str | None,
    as_json: bool,
) -> None:
    """Build an index over vectors: exact, or with ScaNN, or ivf.

    The recall of ScaNN and ivf is measured with real queries, if there are any: --questions, or
    sentences of --blocks.
    """
    config = config_lib.load(config_files, overrides)
    paths.check_segment(vectors, "vectors")
    paths.check_plot(tune)

    from beam_jobs import build_index
    from realm_tf.commands import index_queries, tune_index

    queries = index_queries.made_of(
        config, questions=questions, blocks=blocks_path, embedder=embedder, vocab=vocab_path,
        output=output,
    )  # fmt: skip
    if tune is None:
        params = build_index.Params(vectors, output, queries=queries, config=config)
        options.print_segment(build_index.build_index(params), as_json)
        return
    real = None if queries is None else build_index.read_queries(queries)
    found = tune_index.tune(vectors, real, config)
    tune_index.plot(found, tune)
    click.echo(
        json.dumps(tune_index.to_json(found))
        if as_json
        else tune_index.table_of(found, config.retrieval)
    )


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
