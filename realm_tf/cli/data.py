# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The commands that make data: `realm vocab`, `blocks`, `tag` and `examples`."""

from __future__ import annotations

import json
from typing import Any

import click

from realm_tf import config as config_lib
from realm_tf.cli import options
from realm_tf.commands import paths


@click.command()
@options.several(options.CONFIG)
@options.several(options.CORPUS)
@options.OUTPUT
@options.JSON
def vocab(
    config_files: tuple[str, ...],
    overrides: tuple[str, ...],
    corpus: str,
    fmt: str,
    output: str,
    as_json: bool,
) -> None:
    """Learn a WordPiece vocabulary from a corpus, or take the file that is configured."""
    config = config_lib.load(config_files, overrides)
    paths.check_files(corpus)

    from realm_tf.commands import make_vocab

    options.print_segment(make_vocab.make_vocab(config, corpus, output, fmt), as_json)


@click.command()
@options.several(options.CONFIG)
@options.several(options.CORPUS)
@click.option("--vocab", "vocab_path", required=True, metavar="DIR", help='Segment "vocab".')
@options.OUTPUT
@options.DRY_RUN
@options.RESUME
@options.MAX_BAD_FRACTION
@options.JSON
@options.BEAM
def blocks(
    config_files: tuple[str, ...],
    overrides: tuple[str, ...],
    corpus: str,
    fmt: str,
    vocab_path: str,
    output: str,
    dry_run: int | None,
    resume: bool,
    max_bad_fraction: float | None,
    as_json: bool,
    beam_args: tuple[str, ...],
) -> None:
    """Cut a corpus into blocks, or import blocks that are ready (a Beam job).

    The formats of the original code hold blocks that are ready. The format realm-pretrain also
    brings their salient spans, and makes a second segment, of spans. Options after -- go to Apache
    Beam.

    The job writes a report, and the records that could not be used, into jobs/<segment>, beside
    the segment.
    """
    if max_bad_fraction is not None:
        overrides = (*overrides, f"jobs.max_bad_fraction={max_bad_fraction}")
    config = config_lib.load(config_files, overrides)
    paths.check_files(corpus)
    paths.check_segment(vocab_path, "vocab")

    from beam_jobs import build_blocks, build_blocks_preview

    params = build_blocks.Params(corpus, vocab_path, output, fmt, config)
    if dry_run is not None:
        click.echo(build_blocks_preview.preview(params, dry_run))
        return
    made = build_blocks.build_blocks(params, beam_args=beam_args, resume=resume)
    for segment in filter(None, made):
        options.print_segment(segment, as_json)


@click.command()
@options.several(options.CONFIG)
@click.option("--blocks", "blocks_path", required=True, metavar="DIR", help='Segment "blocks".')
@click.option("--vocab", "vocab_path", required=True, metavar="DIR", help='Segment "vocab".')
@click.option(
    "--tagger", metavar="DIR", help='Segment "span_tagger", or the word rules. Sets tagging.tagger.'
)
@options.OUTPUT
@options.DRY_RUN
@options.RESUME
@options.JSON
@options.BEAM
def tag(
    config_files: tuple[str, ...],
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
    """Mark salient spans in blocks, by rules or by a trained tagger (a Beam job).

    Options after -- go to Apache Beam.
    """
    if tagger is not None:
        overrides += (f"tagging.tagger={json.dumps(tagger)}",)
    config = config_lib.load(config_files, overrides)
    paths.check_segment(blocks_path, "blocks")
    paths.check_segment(vocab_path, "vocab")

    from beam_jobs import tag_spans
    from beam_jobs.engine import previews

    def make(blocks: str, _: str | None, root: str) -> Any:
        params = tag_spans.Params(blocks, vocab_path, root, config)
        return tag_spans.tag_spans(params, beam_args=beam_args, resume=resume)

    if dry_run is not None:
        click.echo(previews.report(blocks_path, dry_run, make))
    else:
        options.print_segment(make(blocks_path, None, output), as_json)


@click.command()
@options.several(options.CONFIG)
@click.option(
    "--task",
    required=True,
    type=click.Choice(["masked", "ict", "annotated"]),
    help="Kind of the examples; see above.",
)
@click.option("--blocks", "blocks_path", required=True, metavar="DIR", help='Segment "blocks".')
@click.option("--spans", "spans_path", metavar="DIR", help='Segment "spans"; not for --task ict.')
@click.option("--vocab", "vocab_path", required=True, metavar="DIR", help='Segment "vocab".')
@click.option(
    "--per-block", default=1, show_default=True, help="Number of examples made from each block."
)
@options.OUTPUT
@options.DRY_RUN
@options.RESUME
@options.JSON
@options.BEAM
def examples(
    config_files: tuple[str, ...],
    overrides: tuple[str, ...],
    task: str,
    blocks_path: str,
    spans_path: str | None,
    vocab_path: str,
    per_block: int,
    output: str,
    dry_run: int | None,
    resume: bool,
    as_json: bool,
    beam_args: tuple[str, ...],
) -> None:
    """Write training examples as TFRecords, for a trainer of your own (a Beam job).

    The task masked makes passages with one masked span. The task ict makes sentences and the blocks
    that they come from. The task annotated makes passages with their spans as text, in the format
    of the original code. Options after -- go to Apache Beam.
    """
    config = config_lib.load(config_files, overrides)
    paths.check_segment(blocks_path, "blocks")
    if spans_path is not None:
        paths.check_segment(spans_path, "spans")
    paths.check_segment(vocab_path, "vocab")

    from beam_jobs import make_examples
    from beam_jobs.engine import previews

    def make(blocks: str, spans: str | None, root: str) -> Any:
        params = make_examples.Params(blocks, vocab_path, root, task, spans, per_block, config)
        return make_examples.make_examples(params, beam_args=beam_args, resume=resume)

    if dry_run is not None:
        click.echo(previews.report(blocks_path, dry_run, make, spans_path))
    else:
        options.print_segment(make(blocks_path, spans_path, output), as_json)
