# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The snapshots of another worker than the chief: those that the chief has taken up."""

from __future__ import annotations

from realm_tf.retrieval import retriever as retriever_lib
from realm_tf.retrieval import snapshots
from realm_tf.training.run import refreshing


class FollowedRefreshing(refreshing.Refreshing):
    """Every mode of refresh, in a worker that follows the chief; see `Refreshing`.

    It exports, makes, deletes and writes nothing; the chief keeps the budget of staleness.
    """

    def after_loop(self, step: int) -> dict[str, float]:
        """No figures: those of the chief are written."""
        del step
        return {}

    def finish(self) -> None:
        """Deletes nothing."""

    def _measure(self, step: int, opened: retriever_lib.Retriever) -> None:
        """The chief does."""

    def _forget_later(self, step: int) -> None:
        """The chief does."""

    def _take_up(self, index: int, version: snapshots.Version) -> None:
        self._refresher.restore(*version)  # waits until this machine sees it
        super()._take_up(index, version)

    def _keep_within_budget(self, index: int, count: int) -> None:
        """The chief does, and has the others wait in the next step."""
