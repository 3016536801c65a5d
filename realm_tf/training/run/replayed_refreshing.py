# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Replay: the snapshots that another run's swap log names, taken up at the same batches.

What a run in the mode "async" does depends on when its snapshots were ready. Its log says all of
it: from which batch on which snapshot is used. A replay exports the embedder at the steps of these
snapshots, at no others, and waits for each snapshot before the batch that needs it is begun.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Iterator, Sequence
from typing import Any

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.retrieval import snapshots
from realm_tf.training.engine import strategies, workers
from realm_tf.training.run import (
    async_refreshing,
    followed_refreshing,
    refreshing,
    swap_log,
    sync_refreshing,
)
from realm_tf.training.run import refresh as refresh_lib

_LOGGER = logging.getLogger(__name__)


def read(path: str) -> list[swap_log.Swap]:
    """The swaps to replay, without the first snapshot, which every run starts with.

    Raises:
      UserError: If the log is missing, damaged, or no log of a whole training; or if documents were
        changed meanwhile.
    """
    cure = "Give the swaps.json of a joint training."
    first, *swaps = swap_log.read(path, cure)
    if (first.batch_index, first.snapshot_step) != (0, 0):
        raise types.UserError(
            f"{path} begins with the snapshot of step {first.snapshot_step} at batch"
            f" {first.batch_index}, and not with the first snapshot at batch 0. {cure}"
        )
    _require_same_documents(path, swaps)
    for earlier, later in zip([first, *swaps], swaps, strict=False):
        if earlier.batch_index > later.batch_index or earlier.snapshot_step >= later.snapshot_step:
            raise types.UserError(f"{path} is damaged: its swaps are not in order. {cure}")
    return swaps


def _require_same_documents(path: str, swaps: Sequence[swap_log.Swap]) -> None:
    for swap in swaps:
        if swap.revision:
            raise types.UserError(
                f"{path} cannot be replayed: documents were changed while its run trained, from"
                f" batch {swap.batch_index} on, and another run does not have them."
            )


def recipe(config: config_lib.RefreshConfig) -> dict[str, Any]:
    """What a replay adds to the recipe of its training: which snapshot is used from which batch."""
    if config.replay_swaps is None:
        return {}
    return {"replay": [[s.batch_index, s.snapshot_step] for s in read(config.replay_swaps)]}


class _Replay(refreshing.Refreshing):
    """What the replays of all modes share; see `Refreshing`."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        path = str(self._config.replay_swaps)
        if self._config.on_stale == "wait":  # nothing fresher will come than what the log names
            self._config = dataclasses.replace(self._config, on_stale="warn")
        self._log = [swap for swap in read(path) if swap.batch_index < self._steps]
        self._require_in_time(path, self._log)
        self._exported_at = {swap.snapshot_step for swap in self._log}

    def _require_in_time(self, path: str, swaps: Sequence[swap_log.Swap]) -> None:
        for swap in swaps:
            if swap.snapshot_step > swap.batch_index - self._depth:
                raise types.UserError(
                    f"{path} cannot be replayed with runtime.prefetch_batches={self._depth}: batch"
                    f" {swap.batch_index} is made from the snapshot of step {swap.snapshot_step},"
                    " and would be begun before that step. Set prefetch_batches to that of the run"
                    " of the log, or lower."
                )

    def refresh(self, step: int) -> None:
        """Nothing: the log says what is exported; see `before_batch`."""

    def before_batch(self, index: int, count: int = 1) -> None:
        """Exports what the log names, and takes up what it takes up from the next batch begun."""
        if index in self._exported_at:
            self._make(index)
        for swap in self._due(index):
            self._await(swap.snapshot_step, index)
            self._swaps.schedule(
                batch_index=swap.batch_index, snapshot_step=swap.snapshot_step, decided_at=index
            )
            _LOGGER.info(
                "step %d: the snapshot of step %d is used from batch %d on, as replayed",
                index, swap.snapshot_step, swap.batch_index,
            )  # fmt: skip
        super().before_batch(index, count)

    def _due(self, index: int) -> list[swap_log.Swap]:
        """The swaps of the log, not yet made, that the next batch that is begun must see."""
        known = self._swaps.newest.step
        coming = index + self._depth
        return [s for s in self._log if s.snapshot_step > known and s.batch_index <= coming]

    def _make(self, step: int) -> None:
        """Begins the snapshot of a step, with the weights as they are now."""

    def _await(self, step: int, index: int) -> None:
        """Returns when a snapshot can be searched."""

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

    def _await(self, step: int, index: int) -> None:
        if step not in self._files.published():
            raise types.UserError(
                f"The snapshot of step {step}, which is to be taken up at step {index}, is gone."
                f" Delete {self._files.directory} and give the same command again: joint training"
                " is then done again, from its start."
            )


class AsyncReplay(_Replay, async_refreshing.AsyncRefreshing):
    """A replay whose snapshots a refresher makes; the trainer waits only where it is late."""

    def _make(self, step: int) -> None:
        known = self._files.exports().get(step)
        if known is not None and known.is_complete():
            return  # exported before the run was killed
        recipe_now = self._recipe(step)
        with self._needing(step):
            self._export(step, recipe_now)

    def _await(self, step: int, index: int) -> None:
        with workers.logged_wait(f"the snapshot of step {step}, which the log of swaps names"):
            while step not in self._files.published():
                self._ended.wait(self._config.poll_secs)
                self._look(index)
        self._retrievers.get(snapshots.Version(step))

    def _take_up_newest(self, index: int) -> None:
        """Nothing: the log says what is taken up."""


class FollowedReplay(_Replay, followed_refreshing.FollowedRefreshing):
    """A replay of logged swaps, in a worker that follows the chief."""

    def _await(self, step: int, index: int) -> None:
        self._refresher.restore(step)  # waits until this machine sees it
