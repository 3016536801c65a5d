# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How every job is run: its arguments, its engine, and the user's mistakes out of its workers."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence

import apache_beam as beam
from apache_beam.options import pipeline_options

from beam_jobs.engine import worker_processes
from realm_tf import types

# Beam's own default may download another engine and run that.
DEFAULT_OPTIONS = ("--runner=FnApiRunner",)

# The end of a worker's traceback, which is all that is left of an error from another process.
_USER_ERROR = re.compile(r"^[\w.]*UserError: (.*)$", re.MULTILINE)
_WHERE = re.compile(r" \[while running .*\]")


def split_args(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Divides arguments at "--" into the job's own and Beam's."""
    argv = list(argv)
    if "--" not in argv:
        return argv, []
    border = argv.index("--")
    return argv[:border], argv[border + 1 :]


@contextlib.contextmanager
def pipeline(beam_args: Sequence[str]) -> Iterator[beam.Pipeline]:
    """Yields a pipeline, and runs it to its end.

    Args:
      beam_args: Beam's options; the runner is `FnApiRunner`, in this process, unless they say.

    Raises:
      UserError: If one was raised in a worker, where Beam makes it a text in another error.
    """
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


def is_local(beam_args: Sequence[str]) -> bool:
    """Whether these options run a pipeline in `FnApiRunner`."""
    options = pipeline_options.PipelineOptions([*DEFAULT_OPTIONS, *beam_args])
    return options.view_as(pipeline_options.StandardOptions).runner.endswith("FnApiRunner")


def _without_where(message: str) -> types.UserError:
    return types.UserError(_WHERE.sub("", message))
