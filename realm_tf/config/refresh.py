# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of the refresh: how fresh the index of joint training is."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from realm_tf.config import ranges


@dataclasses.dataclass(frozen=True)
class RefreshConfig(ranges.Section):
    """The refresh: when the embedder is exported and blocks are embedded again."""

    mode: str = ranges.setting(
        "sync",
        "`sync`: the trainer makes a snapshot and waits for it, so that every run has the same"
        " swaps; `async`: a refresher beside the trainer makes it, and training goes on; `off`: the"
        " first snapshot is used to the end.",
        choices=("sync", "async", "off"),
    )
    every_steps: int = ranges.setting(
        500,
        "Steps between exports of the embedder; more than the steps of the training: none but at"
        " its ends.",
        at_least=1,
    )
    keep_snapshots: int = ranges.setting(
        3, "Number of newest snapshots that stay on disk.", at_least=1
    )
    keep_hours: float = ranges.setting(
        0.0,
        "Hours that every snapshot stays on disk, besides those newest ones.",
        at_least=0,
        at_most=1_000_000,
    )
    max_staleness_steps: int | None = ranges.setting(
        None, "Staleness budget, in steps; null: no budget.", at_least=0
    )
    max_staleness_minutes: float | None = ranges.setting(
        None, "Staleness budget, in minutes of training; null: no budget.", above=0
    )
    on_stale: str = ranges.setting(
        "warn",
        "What happens beyond the budget: a warning, or the trainer waits for a snapshot, or stops.",
        choices=("warn", "wait", "stop"),
    )
    replay_swaps: str | None = ranges.setting(
        None,
        "Swap log of another run, whose snapshots are made and taken up at the same batches: so a"
        " run in the mode `async` can be repeated; see"
        " [replaying a run](training.md#replaying-a-run).",
        path="file",
    )
    refresher_threads: int = ranges.setting(
        0,
        "Threads of TensorFlow in the local refresher of the mode `async`; 0: half of the cores.",
        at_least=0,
        at_most=1000,
    )
    poll_secs: float = ranges.setting(
        1.0,
        "Seconds after which the trainer looks for changed documents, and in the mode `async` for a"
        " new snapshot.",
        above=0,
        at_most=3600,
    )

    def faults(self) -> Iterator[str]:
        """See `Section`."""
        has_budget = self.max_staleness_steps is not None or self.max_staleness_minutes is not None
        if self.on_stale != "warn" and not has_budget:
            yield (
                f"on_stale {self.on_stale} needs a budget: set max_staleness_steps or"
                " max_staleness_minutes. Received: null and null."
            )
        if self.on_stale == "wait" and self.mode == "off":
            yield "on_stale wait would wait for ever in the mode off. Set mode, or on_stale stop."
        if self.replay_swaps is not None and self.mode == "off":
            yield "replay_swaps needs the mode sync or async: in the mode off no snapshot is made."

    def oldest(self, prefetch_batches: int) -> int:
        """How many steps old a snapshot is at the last batch before the next takes effect."""
        return self.every_steps + prefetch_batches - 1
