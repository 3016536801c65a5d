# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Replay: the snapshots that another run's swap log names, taken up at the same batches.

What a run in the mode "async" does depends on when its snapshots were ready. Its log says all of
it: from which batch on which snapshot is used. A replay exports the embedder at the steps of these
snapshots, at no others, and waits for each snapshot before the batch that needs it is begun.

Where documents were changed while the run trained, the log names revisions of its snapshots. These
are beside the log, and the replay publishes them as its own: their segments are not copied.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
from collections.abc import Iterator, Sequence
from typing import Any

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.retrieval import reading, snapshots
from realm_tf.training.engine import strategies, workers
from realm_tf.training.run import (
    async_refreshing,
    followed_refreshing,
    refresh_files,
    refreshing,
    swap_log,
    sync_refreshing,
)
from realm_tf.training.run import refresh as refresh_lib

_LOGGER = logging.getLogger(__name__)


def read(path: str) -> list[swap_log.Swap]:
    """The swaps to replay, without the first snapshot, which every run starts with.

    Raises:
      UserError: If the log is missing, damaged, or no log of a whole training.
    """
    cure = "Give the swaps.json of a joint training."
    first, *swaps = swap_log.read(path, cure)
    if (first.batch_index, first.snapshot_step) != (0, 0):
        raise types.UserError(
            f"{path} begins with the snapshot of step {first.snapshot_step} at batch"
            f" {first.batch_index}, and not with the first snapshot at batch 0. {cure}"
        )
    for earlier, later in zip([first, *swaps], swaps, strict=False):
        if earlier.batch_index > later.batch_index or earlier.version.age >= later.version.age:
            raise types.UserError(f"{path} is damaged: its swaps are not in order. {cure}")
    return swaps


def _changed(path: str, swap: swap_log.Swap, *, verify: bool) -> snapshots.Snapshot:
    """The snapshot of a swap to changed documents, as the run of the log has published it.

    Args:
      path: Path of the log.
      swap: One of its swaps, with a revision.
      verify: Whether its parts must be there.

    Raises:
      UserError: If it is there no more.
    """
    try:
        directory = refresh_files.RefreshFiles(os.path.dirname(path)).snapshot_dir
        return snapshots.load(directory, *swap.version, verify=verify)
    except types.UserError as error:
        raise types.UserError(
            f"{path} cannot be replayed: its run has used changed documents from batch"
            f" {swap.batch_index} on, as the snapshot of step {swap.snapshot_step}, revision"
            f" {swap.revision}, and that is no more beside the log: {error} Replay the log of a"
            " copy of the work directory that has it, or of a run that keeps enough snapshots"
            " (pretrain.refresh.keep_snapshots)."
        ) from error


def recipe(config: config_lib.RefreshConfig) -> dict[str, Any]:
    """What a replay adds to the recipe of its training: which snapshot is used from which batch.

    Raises:
      UserError: As `read`, or if a snapshot of changed documents is there no more.
    """
    path = config.replay_swaps
    return {} if path is None else {"replay": [_named(path, swap) for swap in read(path)]}


def _named(path: str, swap: swap_log.Swap) -> list[Any]:
    named = [swap.batch_index, swap.snapshot_step]
    if not swap.revision:
        return named
    parts = _changed(path, swap, verify=False).parts()
    return [*named, artifacts.digest([part.fingerprint for _, part in parts])]


class _Replay(refreshing.Refreshing):
    """What the replays of all modes share; see `Refreshing`."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._path = path = str(self._config.replay_swaps)
        if self._config.on_stale == "wait":  # nothing fresher will come than what the log names
            self._config = dataclasses.replace(self._config, on_stale="warn")
        self._log = [swap for swap in read(path) if swap.batch_index < self._steps]
        self._require_in_time(path, self._log)
        self._exported_at = {swap.snapshot_step for swap in self._log} - {0}
        self._held = contextlib.ExitStack()

    def _require_in_time(self, path: str, swaps: Sequence[swap_log.Swap]) -> None:
        for swap in swaps:
            if swap.snapshot_step > swap.batch_index - self._depth:
                raise types.UserError(
                    f"{path} cannot be replayed with runtime.prefetch_batches={self._depth}: batch"
                    f" {swap.batch_index} is made from the snapshot of step {swap.snapshot_step},"
                    " and would be begun before that step. Set prefetch_batches to that of the run"
                    " of the log, or lower."
                )

    def start(self, step: int) -> None:
        """Keeps the snapshots of changed documents from being deleted; see `Refreshing`."""
        for swap in self._log:
            if swap.revision:
                theirs = _changed(self._path, swap, verify=True)
                self._held.enter_context(reading.hold(theirs))
        super().start(step)

    def close(self) -> None:
        """Lets go of them."""
        super().close()
        self._held.close()

    def refresh(self, step: int) -> None:
        """Nothing: the log says what is exported; see `before_batch`."""

    def before_batch(self, index: int, count: int = 1) -> None:
        """Exports what the log names, and takes up what it takes up from the next batch begun."""
        if index in self._exported_at:
            self._make(index)
        for swap in self._due(index):
            self._await(swap, index)
            self._swaps.schedule(
                batch_index=swap.batch_index,
                snapshot_step=swap.snapshot_step,
                decided_at=index,
                revision=swap.revision,
            )
            documents = f", revision {swap.revision}," if swap.revision else ""
            _LOGGER.info(
                "step %d: the snapshot of step %d%s is used from batch %d on, as replayed",
                index, swap.snapshot_step, documents, swap.batch_index,
            )  # fmt: skip
        super().before_batch(index, count)

    def _due(self, index: int) -> list[swap_log.Swap]:
        """The swaps of the log, not yet made, that the next batch that is begun must see."""
        known = self._swaps.newest.age
        coming = index + self._depth
        return [s for s in self._log if s.version.age > known and s.batch_index <= coming]

    def _make(self, step: int) -> None:
        """Begins the snapshot of a step, with the weights as they are now."""

    def _await(self, swap: swap_log.Swap, index: int) -> None:
        """Returns when the snapshot of a swap can be searched."""

    def _publish_changed(self, swap: swap_log.Swap) -> None:
        """Publishes the snapshot of a swap to changed documents here, too."""
        if not swap.revision:
            return
        step = swap.snapshot_step
        with self._needing(step):
            theirs, ours = _changed(self._path, swap, verify=True), self._refresher.load(step)
            snapshots.publish(self._files.snapshot_dir, theirs)
        weights = {s.segment("embedder").made_from.get("weights") for s in (theirs, ours)}
        if len(weights) > 1:
            _LOGGER.warning(
                "the embedder of step %d has other weights than in the run of %s: the settings, the"
                " data or the devices are others. The replay goes on with the snapshot of that run",
                step, self._path,
            )  # fmt: skip

    @contextlib.contextmanager
    def _needing(self, step: int) -> Iterator[None]:
        """Tells what cannot be done without, where another mode would go on without it."""
        try:
            with artifacts.storage_errors():
                yield
        except refresh_lib.MAY_FAIL as error:
            raise types.UserError(
                f"The replay needs the snapshot of step {step}, which cannot be made: {error}"
            ) from error


class SyncReplay(_Replay, sync_refreshing.SyncRefreshing):
    """A replay whose snapshots are made while the trainer waits."""

    def _make(self, step: int) -> None:
        if step in self._files.published():
            return  # made before the run was killed
        recipe_now = self._recipe(step)
        with self._needing(step):
            export = self._export(step, recipe_now)
            strategies.outside(lambda: self._publish(export))
        with self._surviving("deleting old snapshots", step):
            self._files.collect(self._config)

    def _take_up_documents(self, index: int) -> None:
        """Nothing: the log says what is taken up."""

    def _carry(self, step: int) -> snapshots.Version:
        """Nothing: the run of the log has done it."""
        return snapshots.Version(step)

    def _await(self, swap: swap_log.Swap, index: int) -> None:
        if swap.snapshot_step not in self._files.published():
            raise types.UserError(
                f"The snapshot of step {swap.snapshot_step}, which is to be taken up at step"
                f" {index}, is gone. Delete {self._files.directory} and give the same command"
                " again: joint training is then done again, from its start."
            )
        self._publish_changed(swap)


class AsyncReplay(_Replay, async_refreshing.AsyncRefreshing):
    """A replay whose snapshots a refresher makes; the trainer waits only where it is late."""

    def _make(self, step: int) -> None:
        known = self._files.exports().get(step)
        if known is not None and known.is_complete():
            return  # exported before the run was killed
        recipe_now = self._recipe(step)
        with self._needing(step):
            self._export(step, recipe_now)

    def _await(self, swap: swap_log.Swap, index: int) -> None:
        step = swap.snapshot_step
        with workers.logged_wait(f"the snapshot of step {step}, which the log of swaps names"):
            while step not in self._files.published():
                self._ended.wait(self._config.poll_secs)
                self._look(index)
        self._publish_changed(swap)
        self._retrievers.get(swap.version)

    def _take_up_newest(self, index: int) -> None:
        """Nothing: the log says what is taken up."""


class FollowedReplay(_Replay, followed_refreshing.FollowedRefreshing):
    """A replay of logged swaps, in a worker that follows the chief."""

    def _await(self, swap: swap_log.Swap, index: int) -> None:
        self._refresher.restore(*swap.version)  # waits until this machine sees it
