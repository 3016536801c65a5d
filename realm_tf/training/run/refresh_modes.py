# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The mode of refresh that a run is configured with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from realm_tf.models import embedder as embedder_lib
from realm_tf.training.run import (
    async_refreshing,
    followed_refreshing,
    refresh_job,
    refreshing,
    replayed_refreshing,
    sync_refreshing,
)
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import refresh as refresh_lib

_MODES: dict[str, Callable[..., refreshing.Refreshing]] = {
    "sync": sync_refreshing.SyncRefreshing,
    "async": async_refreshing.AsyncRefreshing,
    "off": refreshing.Refreshing,
    "followed": followed_refreshing.FollowedRefreshing,
}
_REPLAYED: dict[str, Callable[..., refreshing.Refreshing]] = {
    "sync": replayed_refreshing.SyncReplay,
    "async": replayed_refreshing.AsyncReplay,
    "followed": replayed_refreshing.FollowedReplay,
}


def make(
    context: context_lib.Context,
    directory: str,
    refresher: refresh_lib.Refresher,
    embedder: embedder_lib.Embedder,
    *,
    results: tuple[str, ...],
    command: Sequence[str] | None,
) -> refreshing.Refreshing:
    """Makes what gives joint training its snapshots, by `pretrain.refresh`.

    Args:
      context: Configuration and data of the run.
      directory: Directory of the training.
      refresher: Makes its snapshots.
      embedder: The embedder that is being trained.
      results: Segments that are there when training has ended.
      command: Command that starts a local refresher; None: one runs elsewhere.
    """
    config = context.config.pretrain.refresh
    parts = (context, directory, refresher, embedder)
    modes = _REPLAYED if config.replay_swaps else _MODES
    if not context.worker.is_chief:
        return modes["followed"](*parts)
    if config.mode == "async":
        job = refresh_job.RefreshJob.of(context, directory, refresher, results)
        return modes["async"](*parts, job=job, command=command)
    refresh_job.remove(context.training_dir)
    return modes[config.mode](*parts)
