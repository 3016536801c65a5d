# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A snapshot that is divided among processes or hosts, each of which opens and searches its shard.

A shard has consecutive files of the base, and the last one has what was added since, too. So the
rows of the shards, one shard after the other, are those of the snapshot, and the results of all
(`exact_search.merge`) are those of one search: of k blocks that are the best of all, each is
among the k best of its shard.
"""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Iterator

import numpy as np

from realm_tf import artifacts, types
from realm_tf.data.blocks import schema
from realm_tf.data.blocks import table as block_table
from realm_tf.retrieval import (
    index,
    layered_index,
    layered_vectors,
    manifest,
    vectors,
    view,
)


@dataclasses.dataclass(frozen=True)
class Shard:
    """Which shard of how many.

    Attributes:
      number: From 0.
      count: Number of shards.

    Raises:
      UserError: If there is no such shard.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 0 <= self.number < self.count:
            raise types.UserError(
                f"Of {self.count} shards, the numbers are from 0 to {self.count - 1}. Received:"
                f" {self.number}."
            )

    def __str__(self) -> str:
        return f"shard {self.number} of {self.count}"

    @property
    def is_last(self) -> bool:
        """Whether it has what was added to the base."""
        return self.number == self.count - 1

    def files(self, blocks: artifacts.Segment) -> range:
        """Numbers of the files of a segment "blocks", and of its vectors, that it has.

        Raises:
          UserError: If there are fewer files than shards.
        """
        num_files = len(blocks.files(f"{schema.BLOCKS}-"))
        if num_files < self.count:
            raise types.UserError(
                f"{blocks.path} has {num_files} files, which cannot be divided among {self.count}"
                " shards. Take fewer shards, or make the blocks with a larger blocks.num_shards."
            )
        limits = [number * num_files // self.count for number in (self.number, self.number + 1)]
        return range(*limits)


def fingerprints(snapshot: manifest.Snapshot, count: int) -> list[str]:
    """The fingerprints of all shards of a snapshot, none of which is opened; see `ShardView`."""
    whole = view.View(snapshot).fingerprint
    return [artifacts.digest([whole, number, count]) for number in range(count)]


def views(snapshot: manifest.Snapshot, count: int) -> Iterator[ShardView]:
    """Opens the shards of a snapshot one after the other.

    Raises:
      UserError: If it cannot be divided so.
    """
    return (ShardView(snapshot, Shard(number, count)) for number in range(count))


class ShardView(view.View):
    """What is in one shard of a snapshot: rows of its files, and nothing of others is read.

    Table, vectors and index count the same rows, from the first of the shard.

    Args:
      snapshot: Any snapshot.
      shard: Which shard.

    Attributes:
      shard: As given.
      first_row: Row of the snapshot that its first row is.

    Raises:
      UserError: If the snapshot cannot be divided so.
    """

    def __init__(self, snapshot: manifest.Snapshot, shard: Shard):
        super().__init__(snapshot)
        self.shard = shard
        blocks = snapshot.segment("blocks")
        self._files = shard.files(blocks)
        sizes = [s.num_records for s in blocks.shards if s.name.startswith(f"{schema.BLOCKS}-")]
        first, limit = (sum(sizes[:n]) for n in (self._files.start, self._files.stop))
        gone = view.View(snapshot).tombstones
        self.first_row = first - len(gone.below(first))
        # The rows of the deltas come after those of the base, so they are the last shard's.
        self.tombstones = gone.among(range(first, sys.maxsize if shard.is_last else limit))

    @functools.cached_property
    def table(self) -> block_table.BlockTable:
        """The blocks."""
        parts = self._parts("blocks", self.snapshot.all_blocks)
        return block_table.BlockTable.open(parts, without=self.tombstones.rows)

    @functools.cached_property
    def vectors(self) -> layered_vectors.LayeredVectors:
        """The vectors of the blocks.

        Raises:
          UserError: If there are no blocks.
        """
        parts = self._parts("vectors", self.snapshot.all_vectors)
        found = layered_vectors.LayeredVectors(
            [vectors.VectorTable.open(part) for part in parts],
            self.tombstones,
            blocks=self.table.blocks,
            fingerprint=self.fingerprint,
        )
        if not len(found):
            raise types.UserError(
                f"{self.shard} of the snapshot of {self.snapshot.name} has no blocks. Take fewer"
                " shards."
            )
        return found

    @functools.cached_property
    def index(self) -> layered_index.LayeredIndex:
        """Exact search over the vectors.

        Raises:
          UserError: If the snapshot's index is another; see `index_of`.
        """
        segment = self.snapshot.segment("index")
        if segment.settings["backend"] != "exact":
            raise types.UserError(
                f"{segment.path} is one index of all blocks, which cannot be divided. Build one"
                " over the vectors of each shard."
            )
        return layered_index.LayeredIndex(index.exact(self.vectors.layers[0]), self.vectors)

    def index_of(self, segment: artifacts.Segment) -> layered_index.LayeredIndex:
        """Search with an index that was built over the first layer of the vectors.

        Raises:
          UserError: If it was built over others.
        """
        base = index.Index.open(segment, self.vectors.layers[0])
        return layered_index.LayeredIndex(base, self.vectors)

    def to_snapshot(self, found: types.RetrievedBlocks) -> types.RetrievedBlocks:
        """Results of a search by rows of the snapshot, as they are merged."""
        return found._replace(rows=np.where(found.rows < 0, -1, found.rows + self.first_row))

    @property
    def fingerprint(self) -> str:
        """Tells the vectors that are in it."""
        return fingerprints(self.snapshot, self.shard.count)[self.shard.number]

    def _parts(self, kind: str, parts: tuple[manifest.Part, ...]) -> list[artifacts.Segment]:
        wanted = parts if self.shard.is_last else parts[:1]
        base, *deltas = self.snapshot.open_all(kind, wanted)
        return [base.part(self._files), *deltas]
