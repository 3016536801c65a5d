# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How every job is run: its engine, and the user's mistakes out of its workers."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence

import apache_beam as beam
from apache_beam.options import pipeline_options
from apache_beam.runners import runner as beam_runner
from apache_beam.runners.portability import portable_runner
from apache_beam.utils import shared

from beam_jobs.engine import worker_processes
from realm_tf import types

# Beam's own default may download another engine and run that.
DEFAULT_OPTIONS = ("--runner=FnApiRunner",)

# The end of a worker's traceback, which is all that is left of an error from another process.
_USER_ERROR = re.compile(r"^[\w.]*UserError: (.*)$", re.MULTILINE)
_WHERE = re.compile(r" \[while running .*\]")


def check(beam_args: Sequence[str]) -> None:
    """Refuses what Beam would pass over with a warning.

    Raises:
      UserError: If an argument is none of Beam's options, or there is no such runner.
    """
    options = pipeline_options.PipelineOptions([*DEFAULT_OPTIONS, *beam_args])
    name = options.view_as(pipeline_options.StandardOptions).runner
    try:
        runner = beam_runner.create_runner(name)
    except (ValueError, ImportError, AttributeError) as error:
        message = " ".join(str(error).split())
        raise types.UserError(f"Beam has no runner {name!r}: {message}") from None
    takes_more = isinstance(runner, portable_runner.PortableRunner)  # its server knows options, too
    for argument in _unknown(beam_args):
        if not (takes_more and argument.startswith("--")):
            raise types.UserError(
                f"{argument!r} is no option of Apache Beam. Options of Beam come after --; a"
                " pattern of several files must be in quotes, or the shell makes many arguments of"
                " it."
            )


def _unknown(beam_args: Sequence[str]) -> list[str]:
    """The arguments that no part of Beam declares; Beam (2.77) does the same to warn of them."""
    parser = pipeline_options._BeamArgumentParser(allow_abbrev=False, add_help=False)
    for declared in {str(c): c for c in pipeline_options.PipelineOptions.__subclasses__()}.values():
        declared._add_argparse_args(parser)
    return parser.parse_known_args(list(beam_args))[1]


@contextlib.contextmanager
def pipeline(beam_args: Sequence[str]) -> Iterator[beam.Pipeline]:
    """Yields a pipeline, and runs it to its end.

    Args:
      beam_args: Beam's options; the runner is `FnApiRunner`, in this process, unless they say.

    Raises:
      UserError: If one was raised in a worker, where Beam makes it a text in another error.
    """
    check(beam_args)
    options = pipeline_options.PipelineOptions([*DEFAULT_OPTIONS, *beam_args])
    worker_processes.watch()
    try:
        with beam.Pipeline(options=options) as made:
            yield made
    except types.UserError as error:
        raise _without_where(str(error)) from error
    except RuntimeError as error:
        if found := _USER_ERROR.search(str(error)):
            raise _without_where(found.group(1)) from error
        raise
    finally:
        _let_go_of_models()


class _Nothing:
    """What takes the place of a model."""


def _let_go_of_models() -> None:
    """Frees the model that a job had in this process.

    Beam keeps what was acquired last until something else is, so that workers need not load it
    again; after a job in the launcher's process it would stay for good.
    """
    shared.Shared().acquire(_Nothing)


def _without_where(message: str) -> types.UserError:
    return types.UserError(_WHERE.sub("", message))
