# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Refresh in the trainer's process, which waits for it: the same swaps in every run."""

from __future__ import annotations

import time

from realm_tf import artifacts
from realm_tf.retrieval import snapshots
from realm_tf.training.engine import strategies
from realm_tf.training.run import carried_documents, refresh_files, refreshing

_PAUSE_SECS = 10.0


class SyncRefreshing(refreshing.Refreshing):
    """The mode "sync": a snapshot is made while the trainer waits; see `Refreshing`."""

    _look_at = 0.0  # when to look for changed documents, by the monotonic clock

    def refresh(self, step: int) -> None:
        """Makes a snapshot, and decides when it takes effect."""
        if step >= self._steps:
            return  # the last snapshot is made when training has ended
        recipe = self._recipe(step)
        with self._surviving("refresh", step):
            export = self._export(step, recipe)
            self._take_up(step, strategies.outside(lambda: self._publish(export)))
        with self._surviving("deleting old snapshots", step):
            self._files.collect(self._config)

    def before_batch(self, index: int, count: int = 1) -> None:
        """Takes up documents that were changed; see `Refreshing`."""
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + _PAUSE_SECS  # if it fails
            with self._surviving("taking up changed documents", index):
                self._take_up_documents(index)
                self._look_at = time.monotonic() + self._config.poll_secs
        super().before_batch(index, count)

    def _take_up_documents(self, index: int) -> None:
        newest, used = snapshots.list_versions(self._files.snapshot_dir)[-1], self._swaps.newest
        if newest.revision <= used.revision:
            return
        if newest.step != used.step:
            newest = strategies.outside(lambda: self._carry(used.step))
        self._retrievers.get(newest)
        self._take_up(index, newest)

    def _carry(self, step: int) -> snapshots.Version:
        return carried_documents.carry(self._refresher, step, self._files.root(step))

    def _publish(self, export: refresh_files.Export) -> snapshots.Version:
        embedder = artifacts.open_segment(export.embedder, "embedder")
        root = self._files.root(export.step)
        settings = {"exported": export.exported}
        self._refresher.publish(export.step, embedder, root, settings)
        version = self._carry(export.step)
        self._retrievers.get(version)  # opened now, while the trainer waits anyway
        return version

    def _hasten(self, index: int) -> None:
        newest = self._swaps.newest
        self.refresh(index)
        if self._swaps.newest == newest:  # it failed
            time.sleep(_PAUSE_SECS)
