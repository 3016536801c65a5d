# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`realm export --watch`: a new version of the exported model after every change of documents.

A server that looks at the directory of the export takes up each version by itself; so what it
answers from follows the documents.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import time
from collections.abc import Callable, Iterator

from realm_tf import types
from realm_tf.artifacts import gfile
from realm_tf.commands import export as export_lib
from realm_tf.commands import run_inputs, run_pipeline
from realm_tf.commands.documents import of_run
from realm_tf.retrieval import snapshots

POLL_SECS = 2.0
_LONGEST_PAUSE_SECS = 300.0
_LOGGER = logging.getLogger(__name__)


def watch(workdir: str, output: str | None, form: export_lib.Form) -> Iterator[str]:
    """Exports a finished run now, and again after every change of its documents, without end.

    Documents may be changed meanwhile: the work directory is not held.

    Args:
      workdir: Directory of the run.
      output: Directory of the exported model; None: the run's own.
      form: What is written.

    Yields:
      The directory of the exported model, whenever its newest version is of the newest documents.

    Raises:
      UserError: If there is no run, it is not finished, or it cannot be exported as it is.
    """
    run = of_run.find(workdir)
    pipeline = run_pipeline.Pipeline(workdir, *run_inputs.load(workdir), recorded=True)
    newest = functools.partial(_newest, run.snapshots, run.step)
    yield from follow(newest, functools.partial(pipeline.export, output, form))


def follow(
    newest: Callable[[], snapshots.Version | None],
    export: Callable[[], str],
    poll_secs: float = POLL_SECS,
) -> Iterator[str]:
    """Exports whenever there is another newest snapshot; see `watch`.

    What fails after the first export is tried again, later and later: a change may have been in
    the middle of what is read.

    Args:
      newest: Tells the newest snapshot; None: it cannot be told now.
      export: Exports it, or leaves what is there if it is of it.
      poll_secs: Seconds between two looks.
    """
    known = newest()
    yield export()
    pause = poll_secs
    while True:
        time.sleep(pause)
        found = newest()
        if found in (None, known):
            continue
        try:
            path = export()
        except (types.UserError, OSError, *gfile.errors()) as error:
            pause = min(2 * pause, _LONGEST_PAUSE_SECS)
            _LOGGER.warning("no export of the new documents (%s); again in %.0f s", error, pause)
            continue
        # What was published since it was looked for is found at the next look.
        known, pause = found, poll_secs
        yield path


def _newest(directory: str, step: int) -> snapshots.Version | None:
    with contextlib.suppress(OSError, *gfile.errors()):  # the next time may do
        return [v for v in snapshots.list_versions(directory) if v.step == step][-1]
    return None
