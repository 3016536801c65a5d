# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Refresh beside the trainer, which exports its embedder and takes up what is published.

The trainer waits for nothing but the writing of an export. A thread looks for snapshots and opens
their retrievers, so that a swap costs a step nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Any

from realm_tf import artifacts
from realm_tf.retrieval import snapshots
from realm_tf.training.run import refresh as refresh_lib
from realm_tf.training.run import refresh_files, refresh_job, refresher_process, refreshing

_LOGGER = logging.getLogger(__name__)


class AsyncRefreshing(refreshing.Refreshing):
    """The mode "async"; see `Refreshing`.

    Args:
      *args: As `Refreshing`.
      job: What a refresher must know.
      command: Command that starts a local refresher; None: one runs elsewhere.
    """

    def __init__(
        self, *args: Any, job: refresh_job.RefreshJob, command: Sequence[str] | None, **kwargs: Any
    ):
        super().__init__(*args, **kwargs)
        self._job = job
        self._child = None
        if command is not None:
            directory = refresh_files.refresher_directory(self._context.training_dir)
            self._child = refresher_process.RefresherProcess(command, directory, self._config)
        self._ended = threading.Event()
        self._opening = snapshots.Version(0)  # the newest one that was begun to be opened
        self._ready = snapshots.Version(0)  # the newest one whose retriever is open
        self._refused: set[snapshots.Version] = set()  # those that could not be opened
        self._failure = self._told = self._files.failure()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._watch, name="snapshots", daemon=True)

    def start(self, step: int) -> None:
        """Forgets what was made after `step`; starts the refresher, and looks for snapshots."""
        super().start(step)
        if step >= self._steps:
            return  # nothing is left to train
        refresh_job.write(self._context.training_dir, self._job)
        self._ready = self._swaps.newest
        if step and step % self._config.every_steps == 0 and step not in self._files.exports():
            self.refresh(step)
        if self._child is not None:
            self._child.start()
        else:
            _LOGGER.info("no refresher is started here: realm refresh --watch has to run elsewhere")
        self._thread.start()

    def refresh(self, step: int) -> None:
        """Exports the embedder; the refresher does the rest."""
        if step >= self._steps:
            return  # the last snapshot is made when training has ended
        recipe = self._recipe(step)
        with self._surviving("export", step):
            self._export(step, recipe)

    def before_batch(self, index: int, count: int = 1) -> None:
        """Takes up the newest snapshot that is open; see `Refreshing`."""
        self._look(index)
        super().before_batch(index, count)

    def close(self) -> None:
        """Ends the refresher."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._child is not None:
            self._child.end()
        super().close()

    def _coming(self) -> set[snapshots.Version]:
        return {self._opening, self._ready}

    def _look(self, index: int) -> None:
        if self._error is not None:
            raise self._error
        self._take_up_newest(index)
        if self._failure == self._told:
            return
        self._told, self._last_failure = self._failure, ""
        if failure := self._told:
            self._tell_failure(f"refresh at step {failure.step} failed ({failure.reason})", index)

    def _take_up_newest(self, index: int) -> None:
        if self._ready.age > self._swaps.newest.age:
            self._take_up(index, self._ready)

    def _hasten(self, index: int) -> None:
        if max(self._files.exports(), default=0) <= self._swaps.newest.step:
            self.refresh(index)
        self._ended.wait(self._config.poll_secs)
        self._look(index)

    def _watch(self) -> None:
        """Looks after the refresher and for snapshots until training ends, in a thread."""
        while not self._ended.wait(self._config.poll_secs):
            try:
                if self._child is not None:
                    self._child.watch()
                self._open_newest()
                self._failure = self._files.failure()
            except refresh_lib.MAY_FAIL as error:
                _LOGGER.warning("looking for snapshots failed (%s); it is tried again", error)
            except BaseException as error:  # noqa: BLE001  The trainer's thread raises it.
                self._error = error
                return

    def _open_newest(self) -> None:
        known = max(self._ready, self._swaps.newest, key=lambda version: version.age)
        newest = known
        for version in self._files.versions():
            # Documents that an older embedder was searched with are carried to the newer one.
            if version.step >= known.step and version not in self._refused:
                newest = max(newest, version, key=lambda version: version.age)
        if newest == known:
            return
        self._opening = newest
        try:
            with artifacts.storage_errors():
                self._retrievers.get(newest)
        except refresh_lib.MAY_FAIL as error:
            self._refused.add(newest)
            path = snapshots.path_of(self._files.snapshot_dir, *newest)
            _LOGGER.warning("%s is not used (%s)", path, error)
            return
        self._ready = newest
