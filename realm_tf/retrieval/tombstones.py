# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tombstones: the rows of a snapshot's segments that were deleted or replaced.

Rows are counted in two ways. A *stored* row is counted through all segments of the snapshot, the
base and then the deltas; since segments never change and deltas are only added, it keeps its number
until the next compaction. A *live* row is counted without those that are there no more: it is the
row of the snapshot's block table, of its vectors, and of what a search returns.
"""

from __future__ import annotations

import hashlib

import numpy as np

from realm_tf import artifacts

KIND = "tombstones"
_ROWS = "rows.npy"


class Tombstones:
    """The stored rows that are there no more.

    Args:
      rows: <int64>[num_deleted] stored rows, in any order, each at most once.
    """

    def __init__(self, rows: np.ndarray):
        self.rows = np.sort(np.asarray(rows, np.int64))
        self._live_before = self.rows - np.arange(len(self.rows))

    @classmethod
    def open(cls, segment: artifacts.Segment | None) -> Tombstones:
        """Reads a segment "tombstones"; without one nothing is deleted."""
        if segment is None:
            return cls(np.zeros(0, np.int64))
        return cls(artifacts.map_array(segment.file(_ROWS)))

    def write(self, root: str, *, blocks: str) -> artifacts.Segment:
        """Writes a segment "tombstones".

        Args:
          root: Directory of segments.
          blocks: Fingerprint of the segment "blocks" that is the base.
        """
        settings = {"rows": hashlib.sha256(self.rows.tobytes()).hexdigest()}
        made_from = {"blocks": blocks}
        path = artifacts.recipe_path(root, KIND, settings=settings, made_from=made_from)
        if artifacts.is_complete(path):
            return artifacts.open_segment(path, KIND)
        writer = artifacts.SegmentWriter(path, kind=KIND, settings=settings, made_from=made_from)
        with writer.file(_ROWS, num_records=len(self)) as aside:
            artifacts.write_array(aside, self.rows)
        return writer.commit(rows=len(self))

    def __len__(self) -> int:
        return len(self.rows)

    def __or__(self, other: np.ndarray) -> Tombstones:
        """These, and other stored rows <int64>[n]."""
        return Tombstones(np.union1d(self.rows, other))

    def below(self, limit: int) -> Tombstones:
        """Those of the stored rows before `limit`."""
        return Tombstones(self.rows[: np.searchsorted(self.rows, limit)])

    def among(self, rows: range) -> Tombstones:
        """Those of consecutive stored rows, counted from the first of these."""
        first, limit = np.searchsorted(self.rows, (rows.start, rows.stop))
        return Tombstones(self.rows[first:limit] - rows.start)

    def contain(self, stored: np.ndarray) -> np.ndarray:
        """<bool>[...] whether stored rows <int64>[...] are among them."""
        if not len(self):
            return np.zeros(np.shape(stored), bool)
        places = np.minimum(np.searchsorted(self.rows, stored), len(self) - 1)
        return self.rows[places] == stored

    def to_live(self, stored: np.ndarray) -> np.ndarray:
        """The live rows <int64>[...] of stored ones, none of which may be deleted."""
        return stored - np.searchsorted(self.rows, stored)

    def to_stored(self, live: np.ndarray) -> np.ndarray:
        """The stored rows <int64>[...] of live ones."""
        return live + np.searchsorted(self._live_before, live, side="right")
