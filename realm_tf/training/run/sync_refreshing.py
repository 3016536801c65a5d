# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Refresh in the trainer's process, which waits for it: the same swaps in every run."""

from __future__ import annotations

import time

from realm_tf import artifacts
from realm_tf.training.engine import strategies
from realm_tf.training.run import refresh_files, refreshing

_PAUSE_SECS = 10.0


class SyncRefreshing(refreshing.Refreshing):
    """The mode "sync": a snapshot is made while the trainer waits; see `Refreshing`."""

    def refresh(self, step: int) -> None:
        """Makes a snapshot, and decides when it takes effect."""
        if step >= self._steps:
            return  # the last snapshot is made when training has ended
        recipe = self._recipe(step)
        with self._surviving("refresh", step):
            export = self._export(step, recipe)
            strategies.outside(lambda: self._publish(export))
            self._take_up(step, step)
        with self._surviving("deleting old snapshots", step):
            self._files.collect(self._config)

    def _publish(self, export: refresh_files.Export) -> None:
        embedder = artifacts.open_segment(export.embedder, "embedder")
        root = self._files.root(export.step)
        settings = {"exported": export.exported}
        self._refresher.publish(export.step, embedder, root, settings)
        self._retrievers.get(export.step)  # opened now, while the trainer waits anyway

    def _hasten(self, index: int) -> None:
        newest = self._swaps.newest
        self.refresh(index)
        if self._swaps.newest == newest:  # it failed
            time.sleep(_PAUSE_SECS)
