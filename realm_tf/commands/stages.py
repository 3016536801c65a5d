# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How the stages of a run are run: checked before, timed, and told in the report by the chief."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from realm_tf import artifacts
from realm_tf.artifacts import gfile
from realm_tf.evaluation import report
from realm_tf.training.engine import workers

_LOGGER = logging.getLogger(__name__)
_T = TypeVar("_T")


class Stages:
    """Runs stages, and keeps the report of the run.

    Args:
      workdir: Directory of the run.
      root: Directory of its segments.
      check: Called before every stage; may end the run.
      worker: Which of the processes that train together this is.
    """

    def __init__(self, workdir: str, root: str, check: Callable[[], None], worker: workers.Worker):
        self._workdir, self._root = workdir, root
        self._worker = worker
        self.check = check

    def run(self, name: str, make: Callable[[], _T], output: str | None = None) -> _T:
        """Runs a stage, and reports how long it took if it made anything.

        What it needs of other stages is to be there before, so that no second counts twice.

        Args:
          name: Name of the stage.
          make: Does its work, or opens what is there.
          output: Directory of what it makes, if that is no segment.
        """
        self.check()
        known, started = self._made(output), time.monotonic()
        result = make()
        if self._made(output) != known:
            self.report_seconds(name, time.monotonic() - started)
        return result

    def run_by_chief(self, name: str, make: Callable[[], _T]) -> _T:
        """A stage that the chief runs alone; the other workers wait for what it makes."""
        return self._worker.follow(self._root, lambda: self.run(name, make))

    def report(self, section: str, figures: Mapping[str, Any]) -> None:
        """Puts a section into the report."""
        if self._worker.is_chief:
            report.merge(self._workdir, section, dict(figures))

    def report_seconds(self, name: str, seconds: float) -> None:
        """Puts the time of a stage into the report."""
        _LOGGER.info("%s: %.0f s", name, seconds)
        known = self.whole_report().get("seconds", {})
        self.report("seconds", {**known, name: round(seconds, 1)})

    def whole_report(self) -> dict[str, Any]:
        """The report as it is now."""
        return report.read(self._workdir)

    def finished_report(self) -> dict[str, Any]:
        """The report once the chief has written it, which the other workers wait for."""
        self._worker.chiefs(0.0, "the chief to measure")
        return self.whole_report()

    def _made(self, output: str | None) -> set[str]:
        if output is not None:
            return set(artifacts.paths_in(output))
        manifests = artifacts.paths_in(self._root)
        return {path for path in manifests if gfile.exists(f"{path}/{artifacts.MANIFEST}")}
