# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The vectors of a snapshot with deltas and tombstones, by live rows; see `tombstones`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from realm_tf.retrieval import tombstones as tombstones_lib
from realm_tf.retrieval import vectors


class LayeredVectors:
    """The vectors of a base and of deltas, without those of rows that were deleted.

    It has what `vectors.VectorTable` has for those who look vectors up.

    Args:
      layers: The base, and the deltas.
      tombstones: The stored rows that are there no more.
      blocks: Fingerprint of the table of blocks that these are the vectors of.
      fingerprint: Tells these vectors from others.

    Attributes:
      layers: As given.
      tombstones: As given.
      fingerprint: As given.
      dim: Size of a vector (embed_dim).
    """

    def __init__(
        self,
        layers: Sequence[vectors.VectorTable],
        tombstones: tombstones_lib.Tombstones,
        *,
        blocks: str,
        fingerprint: str,
    ):
        self.layers = tuple(layers)
        self.tombstones = tombstones
        self.fingerprint = fingerprint
        self.dim = layers[0].dim
        self._blocks = blocks
        self._first_rows = np.cumsum([0, *map(len, layers)])

    def __len__(self) -> int:
        return int(self._first_rows[-1]) - len(self.tombstones)

    @property
    def path(self) -> str:
        """Where they are, for messages."""
        return ", ".join(layer.path for layer in self.layers)

    @property
    def made_from(self) -> Mapping[str, str]:
        """Fingerprints of the blocks and of the embedder."""
        return {**self.layers[0].made_from, "blocks": self._blocks}

    @property
    def block_ids(self) -> np.ndarray:
        """<uint64>[num_live] ids of the blocks."""
        ids = np.concatenate([layer.block_ids for layer in self.layers])
        return np.delete(ids, self.tombstones.rows)

    def gather(self, rows: np.ndarray) -> np.ndarray:
        """Looks up the vectors <float32>[..., embed_dim] of live rows <int64>[...].

        A row of -1 (padding) gives zeros.

        Raises:
          IndexError: If a row is out of range.
        """
        rows = np.asarray(rows, np.int64)
        if rows.size and (rows.max() >= len(self) or rows.min() < -1):
            raise IndexError(
                f"Rows must be in [-1, {len(self)}). Received: {rows.min()} to {rows.max()}."
            )
        flat = rows.reshape(-1)
        stored = np.where(flat < 0, -1, self.tombstones.to_stored(flat))
        layer_of = np.searchsorted(self._first_rows, stored, side="right") - 1
        out = np.zeros((len(flat), self.dim), np.float32)
        for number in np.unique(layer_of[stored >= 0]):
            here = np.flatnonzero((layer_of == number) & (stored >= 0))
            out[here] = self.layers[number].gather(stored[here] - self._first_rows[number])
        return out.reshape(*rows.shape, self.dim)

    def load(self) -> np.ndarray:
        """All vectors <float32>[num_live, embed_dim], copied."""
        return self.gather(np.arange(len(self)))

    def read(self, start: int, limit: int) -> np.ndarray:
        """Vectors <float32>[limit - start, embed_dim] of live rows from `start` to `limit`."""
        return self.gather(np.arange(start, limit))

    def chunks(self, num_rows: int) -> Iterator[tuple[int, int]]:
        """Yields (first row, one past the last row) of pieces of at most `num_rows` rows."""
        for start in range(0, len(self), num_rows):
            yield start, min(start + num_rows, len(self))
