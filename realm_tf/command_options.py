# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Options that several commands of `realm` have."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
