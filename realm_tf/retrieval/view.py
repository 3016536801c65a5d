# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A snapshot as one table, one set of vectors and one index, whatever layers it has."""

from __future__ import annotations

import functools

import numpy as np

from realm_tf import artifacts
from realm_tf.data.blocks import table as block_table
from realm_tf.retrieval import (
    index,
    layered_index,
    layered_vectors,
    manifest,
    tombstones,
    vectors,
)

Vectors = vectors.VectorTable | layered_vectors.LayeredVectors
Index = index.Index | layered_index.LayeredIndex


class View:
    """What is in a snapshot: rows of the base, then of the deltas, without those deleted.

    Table, vectors and index count the same rows, and are opened when they are first asked for.

    Args:
      snapshot: Any snapshot.
      verify: Whether the checksums of blocks and vectors are compared.
    """

    def __init__(self, snapshot: manifest.Snapshot, *, verify: bool = False):
        self.snapshot = snapshot
        self._verify = verify

    @functools.cached_property
    def tombstones(self) -> tombstones.Tombstones:
        """The stored rows that are there no more."""
        part = self.snapshot.tombstones
        segment = None if part is None else self.snapshot.open(tombstones.KIND, part)
        return tombstones.Tombstones.open(segment)

    @functools.cached_property
    def table(self) -> block_table.BlockTable:
        """The blocks."""
        blocks = self.snapshot.open_all("blocks", self.snapshot.all_blocks, verify=self._verify)
        return block_table.BlockTable.open(blocks, without=self.tombstones.rows)

    @functools.cached_property
    def vectors(self) -> Vectors:
        """The vectors of the blocks."""
        parts = self.snapshot.all_vectors
        layers = [
            vectors.VectorTable.open(segment)
            for segment in self.snapshot.open_all("vectors", parts, verify=self._verify)
        ]
        if len(layers) == 1 and not len(self.tombstones):
            return layers[0]
        return layered_vectors.LayeredVectors(
            layers, self.tombstones, blocks=self.table.blocks, fingerprint=self.fingerprint
        )

    @functools.cached_property
    def index(self) -> Index:
        """The index over the vectors."""
        segment = self.snapshot.segment("index")
        if isinstance(self.vectors, vectors.VectorTable):
            return index.Index.open(segment, self.vectors)
        base = index.Index.open(segment, self.vectors.layers[0])
        return layered_index.LayeredIndex(base, self.vectors)

    @property
    def fingerprint(self) -> str:
        """Tells the vectors that are in it: that of the vectors where there are no layers."""
        parts = self.snapshot.all_vectors
        gone = self.snapshot.tombstones
        if len(parts) == 1 and gone is None:
            return parts[0].fingerprint
        return artifacts.digest([part.fingerprint for part in (*parts, gone) if part])

    def rows_of(self, doc_keys: np.ndarray) -> np.ndarray:
        """<int64>[any] live rows, ascending, of documents with these keys <uint64>[n]."""
        found = [
            chunk.first_row + np.flatnonzero(np.isin(chunk.scalar("doc_key"), doc_keys))
            for chunk in self.table.chunks()
        ]
        return np.concatenate([np.zeros(0, np.int64), *found])
