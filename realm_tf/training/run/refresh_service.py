# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The refresher of `realm refresh`: a loop of small steps that may be killed anywhere.

It looks for the newest export of the trainer, makes and publishes its snapshot, and deletes what
nobody needs any more. A lease, held while there is work, keeps a second refresher from doing the
same; everything else that it knows is in files, so either side may be started again at any time.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from realm_tf import artifacts, types
from realm_tf.artifacts import leases
from realm_tf.retrieval import snapshots
from realm_tf.training.run import carried_documents, refresh_files, refresh_job
from realm_tf.training.run import refresh as refresh_lib

_LOGGER = logging.getLogger(__name__)
_IDLE_SECS = 2.0
_FIRST_PAUSE_SECS = 5.0
_LONGEST_PAUSE_SECS = 600.0
_ENDED = "joint training has ended: there is nothing to refresh"


class RefreshService:
    """Refreshes one run; use `watch` or `once`.

    Args:
      training_dir: The run's directory of trainings.
      make_vectors: Gives the embedding job of what there is to do.
    """

    def __init__(
        self,
        training_dir: str,
        make_vectors: Callable[[refresh_job.RefreshJob], refresh_lib.MakeVectors],
    ):
        self._training_dir = training_dir
        self._make_vectors = make_vectors
        self._lease_dir = refresh_files.refresher_directory(training_dir)
        self._failures: dict[str, int] = {}  # by embedder
        self._try_at = 0.0
        self._said = ""
        self._skipped: set[str] = set()

    def watch(self) -> None:
        """Refreshes until joint training has ended; says what it waits for."""
        while True:
            state = self._step()
            self._say(state)
            if state == _ENDED:
                return
            if state:
                time.sleep(_IDLE_SECS)

    def once(self) -> None:
        """Refreshes if there is something to do.

        Raises:
          UserError: If the refresh failed, or another refresher works there.
        """
        if holder := leases.holder_of(self._lease_dir):
            raise types.UserError(
                f"Process {holder.pid} on {holder.host} refreshes this run. End it, or let it work."
            )
        self._say(self._step())
        job = refresh_job.read(self._training_dir)
        failure = job and self._failures and refresh_files.RefreshFiles(job.directory).failure()
        if failure:
            raise types.UserError(f"The refresh at step {failure.step} failed: {failure.reason}")

    def _say(self, state: str) -> None:
        if state and state != self._said:
            _LOGGER.info("refresh: %s", state)
        self._said = state

    def _step(self) -> str:
        """Does what there is to do; returns what it waits for if there was nothing."""
        try:
            with artifacts.storage_errors():
                return self._look()
        except refresh_lib.MAY_FAIL as error:
            cause = refresh_lib.traceback_of(error)
            _LOGGER.warning("looking for exports failed (%s)", error, exc_info=cause)
            return "waits for the filesystem"

    def _look(self) -> str:
        job = refresh_job.read(self._training_dir)
        if job is None:
            return "waits for joint training with pretrain.refresh.mode=async to start"
        if job.has_ended():
            return _ENDED
        files = refresh_files.RefreshFiles(job.directory)
        pending = files.pending()
        newest = max(files.published(), default=0)
        is_due = not _is_replay(job) and carried_documents.are_due(files.snapshot_dir, newest)
        if not pending and is_due:
            return self._alone(lambda: self._carry(job, files, newest))
        if not pending:
            return f"waits for the trainer's next export; the newest snapshot is of step {newest}"
        # A trainer that replays swaps waits for every snapshot; any other wants the newest.
        export = pending[0] if _is_replay(job) else pending[-1]
        if export.embedder in self._failures and time.monotonic() < self._try_at:
            return f"waits before it tries the export of step {export.step} again"

        def refresh() -> None:
            if export in files.pending():  # no other refresher was faster
                self._tell_skipped([e for e in pending if e.step < export.step], export)
                self._refresh(job, files, export)

        return self._alone(refresh)

    def _alone(self, work: Callable[[], None]) -> str:
        """Works, unless another refresher does; returns what it waits for."""
        try:
            with artifacts.hold(self._lease_dir):
                work()
            return ""
        except types.UserError:
            holder = leases.holder_of(self._lease_dir)
            if holder is None:
                raise
            return f"waits, because process {holder.pid} on {holder.host} refreshes this run"

    def _tell_skipped(
        self, exports: list[refresh_files.Export], newest: refresh_files.Export
    ) -> None:
        for export in exports:
            if export.embedder not in self._skipped:
                self._skipped.add(export.embedder)
                _LOGGER.info(
                    "the export of step %d is skipped: that of step %d has overtaken it",
                    export.step, newest.step,
                )  # fmt: skip

    def _refresh(
        self,
        job: refresh_job.RefreshJob,
        files: refresh_files.RefreshFiles,
        export: refresh_files.Export,
    ) -> None:
        """Makes and publishes a snapshot; if that fails, the trainer is told why."""
        try:
            with artifacts.storage_errors():
                self._publish(job, files, export)
                files.tell_failure(None)
            self._failures.clear()
        except refresh_lib.MAY_FAIL as error:
            self._note_failure(files, export, error)
            return
        try:
            files.collect(job.config.pretrain.refresh)
        except refresh_lib.MAY_FAIL as error:
            cause = refresh_lib.traceback_of(error)
            _LOGGER.warning("deleting old snapshots failed (%s)", error, exc_info=cause)

    def _publish(
        self,
        job: refresh_job.RefreshJob,
        files: refresh_files.RefreshFiles,
        export: refresh_files.Export,
    ) -> None:
        _LOGGER.info("refresh: embeds the blocks with the export of step %d", export.step)
        embedder = artifacts.open_segment(export.embedder, "embedder")
        refresher = job.refresher(self._make_vectors(job))
        # One that is there is of an export that the trainer has forgotten; see `refresh_files`.
        snapshots.delete(files.snapshot_dir, export.step)
        settings = {"exported": export.exported}
        refresher.publish(export.step, embedder, files.root(export.step), settings)
        if not _is_replay(job):
            self._carry(job, files, export.step)

    def _carry(
        self, job: refresh_job.RefreshJob, files: refresh_files.RefreshFiles, step: int
    ) -> None:
        refresher = job.refresher(self._make_vectors(job))
        carried_documents.carry(refresher, step, files.root(step))

    def _note_failure(
        self,
        files: refresh_files.RefreshFiles,
        export: refresh_files.Export,
        error: BaseException,
    ) -> None:
        times = self._failures.get(export.embedder, 0)
        self._failures = {export.embedder: times + 1}
        pause = min(_FIRST_PAUSE_SECS * 2**times, _LONGEST_PAUSE_SECS)
        self._try_at = time.monotonic() + pause
        cause = refresh_lib.traceback_of(error)
        _LOGGER.warning(
            "refresh at step %d failed (%s); it is tried again in %.0f s, or with the next export",
            export.step, error, pause, exc_info=cause,
        )  # fmt: skip
        try:
            files.tell_failure(refresh_files.Failure(export.step, str(error)))
        except refresh_lib.MAY_FAIL as failure:  # such as a full disk
            _LOGGER.warning("the trainer cannot be told (%s)", failure)


def _is_replay(job: refresh_job.RefreshJob) -> bool:
    """Whether the trainer replays swaps: it takes changed documents from the run of their log."""
    return job.config.pretrain.refresh.replay_swaps is not None
