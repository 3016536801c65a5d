# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The mode of refresh that a run is configured with."""

from __future__ import annotations

from collections.abc import Sequence

from realm_tf.models import embedder as embedder_lib
from realm_tf.training.run import (
    async_refreshing,
    followed_refreshing,
    refresh_job,
    refreshing,
    sync_refreshing,
)
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import refresh as refresh_lib


def make(
    context: context_lib.Context,
    directory: str,
    refresher: refresh_lib.Refresher,
    embedder: embedder_lib.Embedder,
    *,
    results: tuple[str, ...],
    command: Sequence[str] | None,
) -> refreshing.Refreshing:
    """Makes what gives joint training its snapshots, by `pretrain.refresh.mode`.

    Args:
      context: Configuration and data of the run.
      directory: Directory of the training.
      refresher: Makes its snapshots.
      embedder: The embedder that is being trained.
      results: Segments that are there when training has ended.
      command: Command that starts a local refresher; None: one runs elsewhere.
    """
    if not context.worker.is_chief:
        return followed_refreshing.FollowedRefreshing(context, directory, refresher, embedder)
    mode = context.config.pretrain.refresh.mode
    if mode == "async":
        job = refresh_job.RefreshJob.of(context, directory, refresher, results)
        return async_refreshing.AsyncRefreshing(
            context, directory, refresher, embedder, job=job, command=command
        )
    refresh_job.remove(context.training_dir)
    modes = {"sync": sync_refreshing.SyncRefreshing, "off": refreshing.Refreshing}
    return modes[mode](context, directory, refresher, embedder)
