# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Options that several commands of `realm` have, and how they print what they made."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import click

_FORMATS = (
    "Of the corpus: auto (by the files' names), jsonl, csv, tsv, parquet, wikipedia (XML dumps),"
    " wikiextractor, text; or of the original, realm-blocks, orqa, realm-pretrain."
)

CONFIG = [
    click.option("--config", "config_file", metavar="FILE", help="YAML configuration."),
    click.option("--set", "overrides", multiple=True, metavar="A.B=C", help="Override a setting."),
]
CORPUS = [
    click.option("--corpus", required=True, metavar="GLOB", help="Files, or a folder."),
    click.option("--format", "fmt", default="jsonl", show_default=True, help=_FORMATS),
]
PRETRAIN_CORPUS = [
    click.option("--pretrain-corpus", metavar="GLOB", help="Mask spans in these, not in --corpus."),
    click.option("--pretrain-format", default="jsonl", show_default=True, help="As --format."),
]
DRY_RUN = click.option(
    "--dry-run",
    type=click.IntRange(min=1),
    metavar="N",
    help="Print the report of the first N records or blocks; write nothing.",
)
RESUME = click.option(
    "--resume/--no-resume",
    default=True,
    show_default=True,
    help="Go on with what a killed job left, or start over.",
)
MAX_BAD_FRACTION = click.option(
    "--max-bad-fraction",
    type=float,
    metavar="F",
    help="Of the records that may be unusable; jobs.max_bad_fraction.",
)
WORKDIR = click.option("--workdir", required=True, metavar="DIR", help="Of the run.")
OUTPUT = click.option("--output", required=True, metavar="DIR", help="Where segments go.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")
BEAM = click.argument("beam_args", nargs=-1, type=click.UNPROCESSED)


def several(options: Sequence[Callable]) -> Callable:
    """One decorator of several, which help lists in this order."""

    def decorate(function: Callable) -> Callable:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def print_segment(segment: Any, as_json: bool) -> None:
    """Prints a segment's path; for machines its fingerprint and counts, too."""
    figures = {"path": segment.path, "fingerprint": segment.fingerprint, **segment.counts}
    click.echo(json.dumps(figures) if as_json else segment.path)
