# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Options that several commands of `realm` have, and how they print what they made."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import click

from realm_tf import types

_FORMATS = (
    "Format of the corpus: auto (chosen by the file names), jsonl, csv, tsv, parquet, wikipedia"
    " (XML dumps), wikiextractor or text. Formats of the original code: realm-blocks, orqa and"
    " realm-pretrain."
)

SET = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="A.B=C",
    help="Value for one setting, in place of the configured one. May be given several times.",
)
CONFIG = [
    click.option(
        "--config",
        "config_files",
        multiple=True,
        metavar="FILE",
        help="YAML file with the configuration. Of several, a later one changes what it names.",
    ),
    SET,
]
CORPUS = [
    click.option(
        "--corpus", required=True, metavar="GLOB", help="Pattern of the corpus files, or a folder."
    ),
    click.option("--format", "fmt", default="jsonl", show_default=True, help=_FORMATS),
]
PRETRAIN_CORPUS = [
    click.option(
        "--pretrain-corpus",
        metavar="GLOB",
        help="Pattern of the corpus files in which spans are masked, if it is not --corpus.",
    ),
    click.option(
        "--pretrain-format",
        default="jsonl",
        show_default=True,
        help="Format of the files of --pretrain-corpus; see --format.",
    ),
]
QUESTIONS = [
    click.option(
        "--questions-train",
        metavar="FILE",
        help="Training questions, as JSON Lines. They may be left out if nothing is trained on"
        " questions (open_qa.steps and dual_encoder.steps are 0).",
    ),
    click.option(
        "--questions-dev",
        required=True,
        metavar="FILE",
        help="Development questions, as JSON Lines.",
    ),
]
DRY_RUN = click.option(
    "--dry-run",
    type=click.IntRange(min=1),
    metavar="N",
    help="Do the job with the first N records or blocks only, print its report and write nothing.",
)
RESUME = click.option(
    "--resume/--no-resume",
    default=True,
    show_default=True,
    help="Continue the work that a killed job left behind, or start from the beginning.",
)
MAX_BAD_FRACTION = click.option(
    "--max-bad-fraction",
    type=float,
    metavar="F",
    help="Share of the records that may be unusable, from 0 to 1. Sets jobs.max_bad_fraction.",
)
WORKDIR = click.option("--workdir", required=True, metavar="DIR", help="Directory of the run.")
OUTPUT = click.option(
    "--output", required=True, metavar="DIR", help="Directory in which the segment is written."
)
JSON = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, for other programs to read."
)
NO_REFRESHER = click.option(
    "--no-refresher",
    is_flag=True,
    help="Start no refresher for joint training: realm refresh --watch runs elsewhere.",
)
REPLAYED = "pretrain.refresh.replay_swaps"
REPLAY_SWAPS = click.option(
    "--replay-swaps",
    metavar="LOG",
    help="Take up in joint training the snapshots that this swaps.json names, at its batches.",
)
BEAM = click.argument("beam_args", nargs=-1, type=click.UNPROCESSED)


def several(options: Sequence[Callable]) -> Callable:
    """Returns one decorator that adds several options; the help lists them in this order."""

    def decorate(function: Callable) -> Callable:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def read_token(path: str | None) -> str | None:
    """Reads what the option `--token-file` names: a bearer token, which is no option itself.

    Others can see the options of a command.

    Raises:
      UserError: If the file cannot be read.
    """
    if path is None:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise types.UserError(f"The token file {path} cannot be read: {error}.") from error


def print_segment(segment: Any, as_json: bool) -> None:
    """Prints the path of a segment; as JSON its fingerprint and its counts, too."""
    figures = {"path": segment.path, "fingerprint": segment.fingerprint, **segment.counts}
    click.echo(json.dumps(figures) if as_json else segment.path)
