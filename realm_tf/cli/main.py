# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The `realm` command. Nothing here imports TensorFlow until a command needs it."""

from __future__ import annotations

import glob
import logging
import os
import sys
from typing import Any

import click

from realm_tf import types, version
from realm_tf.cli import (
    ask,
    convert,
    data,
    data_check,
    documents,
    evaluate,
    inspect,
    interrupts,
    retrieval,
    run,
    search,
    serve,
    train,
)


class _Commands(click.Group):
    """Turns the user's mistakes into one line and exit code 2, without a traceback."""

    def invoke(self, context: click.Context) -> Any:
        try:
            with interrupts.one_line():
                return super().invoke(context)
        except types.UserError as error:
            click.echo(f"realm: {error}", err=True)
            context.exit(2)
        except types.Terminated as error:
            interrupts.end(str(error), interrupts.TERMINATED)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version.__version__, prog_name="realm")
@click.option("-v", "--verbose", is_flag=True, help="Show what the libraries log, too.")
def main(verbose: bool) -> None:
    """Train and serve REALM, retrieval-augmented language models, on your own text."""
    if not verbose:
        # Without a GPU, TensorFlow's first line is the error that CUDA has none. What goes wrong in
        # an operation is a Python exception at any level.
        level_of_tensorflow = "2" if glob.glob("/dev/nvidia*") else "3"
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", level_of_tensorflow)
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(stream=sys.stderr, level=level, format="%(asctime)s %(message)s")
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_no_user_error)
    for name in ("realm_tf", "beam_jobs", "serving"):
        logging.getLogger(name).setLevel(logging.INFO)


def _is_no_user_error(record: logging.LogRecord) -> bool:
    """False for the traceback that Beam logs of a user's mistake; `_Commands` tells it."""
    return not (record.exc_info and isinstance(record.exc_info[1], types.UserError))


for command in (
    *(run.run, run.quickstart, evaluate.evaluate),
    *(data.vocab, data.blocks, data.tag, data.examples, data_check.data),
    *(retrieval.embed, retrieval.index, retrieval.refresh, search.search),
    train.train,
    *(serve.export, serve.serve, ask.ask),
    documents.documents,
    convert.convert,
    inspect.inspect,
):
    main.add_command(command)
