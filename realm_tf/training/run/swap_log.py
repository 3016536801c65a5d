# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which snapshot a batch is made from: a log of swaps by batch index.

A new snapshot takes effect at a batch index ahead of every batch that is already being made, so a
swap stalls nothing, no batch mixes two snapshots, and a resumed run replays the same swaps.
"""

from __future__ import annotations

import bisect
import dataclasses
import json
import os
import threading

import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf.retrieval import snapshots


@dataclasses.dataclass(frozen=True)
class Swap:
    """From batch `batch_index` on, batches are made from a snapshot.

    Attributes:
      batch_index: First batch of the snapshot.
      snapshot_step: Step of the snapshot's embedder.
      decided_at: Step at which the trainer decided it.
      revision: Revision of the snapshot's documents; 0: as the run began.
    """

    batch_index: int
    snapshot_step: int
    decided_at: int
    revision: int = 0

    @property
    def version(self) -> snapshots.Version:
        """The snapshot."""
        return snapshots.Version(self.snapshot_step, self.revision)


class SwapLog:
    """The swaps of one run, kept in a JSON file.

    Args:
      path: Path of the file; read if it exists.
      initial: Snapshot step that batch 0 is made from.
      is_kept: Whether changes are written to the file; of several workers the chief does.
    """

    def __init__(self, path: str, *, initial: int = 0, is_kept: bool = True):
        self._path, self._is_kept = path, is_kept
        self._lock = threading.Lock()
        self._swaps = [Swap(0, initial, 0)]
        if tf.io.gfile.exists(path):
            again = (
                f"Delete {os.path.dirname(path)} and give the same command again: joint training is"
                " then done again, from its start."
            )
            self._swaps = read(path, again)

    def snapshot_at(self, batch_index: int) -> snapshots.Version:
        """The snapshot that the batch is made from."""
        with self._lock:
            starts = [swap.batch_index for swap in self._swaps]
            return self._swaps[bisect.bisect_right(starts, batch_index) - 1].version

    @property
    def newest(self) -> snapshots.Version:
        """The snapshot of the newest swap, which may take effect later."""
        return self.last.version

    @property
    def last(self) -> Swap:
        """The newest swap."""
        with self._lock:
            return self._swaps[-1]

    def schedule(
        self, *, batch_index: int, snapshot_step: int, decided_at: int, revision: int = 0
    ) -> None:
        """Adds a swap, on disk first."""
        with self._lock:
            swaps = [*self._swaps, Swap(batch_index, snapshot_step, decided_at, revision)]
            self._write(swaps)
            self._swaps = swaps

    def rewind(self, step: int) -> None:
        """Forgets what was decided after `step`: the run resumes there and decides again."""
        with self._lock:
            self._swaps = [swap for swap in self._swaps if swap.decided_at <= step]
            self._write(self._swaps)

    def in_use(self, first_batch: int) -> set[snapshots.Version]:
        """The snapshots that the batches from `first_batch` on are made from, as decided so far.

        Args:
          first_batch: A checkpoint's step: a run that resumes there makes its batches again.
        """
        first = self.snapshot_at(first_batch)
        with self._lock:
            later = (s.version for s in self._swaps if s.batch_index > first_batch)
            return {first, *later}

    def _write(self, swaps: list[Swap]) -> None:
        if not self._is_kept:
            return
        entries = [dataclasses.asdict(swap) for swap in swaps]
        artifacts.write_text(self._path, json.dumps(entries, indent=1))


def read(path: str, cure: str) -> list[Swap]:
    """The swaps of a log, in their order.

    Args:
      path: Path of the file.
      cure: What to do if it is damaged, for the message.

    Raises:
      UserError: If it is missing or damaged.
    """
    try:
        swaps = [Swap(**entry) for entry in artifacts.read_json(path)]
        if not swaps or not all(isinstance(n, int) for s in swaps for n in vars(s).values()):
            raise TypeError("it holds no swaps")
    except TypeError as error:
        raise types.UserError(f"{path} is damaged: {error}. {cure}") from error
    return swaps
