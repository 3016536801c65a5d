# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The retriever: finds blocks for packed queries with an embedder and an index of one snapshot."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf.data.blocks import table as block_table
from realm_tf.retrieval import snapshots
from realm_tf.retrieval import view as view_lib

# Encoder inputs <int32>[batch_size, length] to vectors <float32>[batch_size, embed_dim].
EmbedFn = Callable[[types.EncoderInputs], np.ndarray]


def load_embed_fn(embedder: artifacts.Segment, signature: str) -> EmbedFn:
    """Loads what a retriever embeds with, queries or blocks: a tower of an "embedder" segment.

    Args:
      embedder: The "embedder" segment.
      signature: Tower to load, "queries" or "blocks".

    Raises:
      UserError: If the SavedModel is missing, or has no such signature.
    """
    with artifacts.plain_path(embedder.file(artifacts.SAVED_MODEL)) as directory:
        try:
            loaded = tf.saved_model.load(directory)
        except (OSError, tf.errors.NotFoundError) as error:
            if artifacts.is_complete(embedder.path):
                raise
            raise types.UserError(
                f"{embedder.path} is gone since its snapshot was opened, as old snapshots are. Open"
                " the newest one."
            ) from error
    if signature not in loaded.signatures:
        raise types.UserError(
            f"{embedder.path} has no signature {signature!r}, only {sorted(loaded.signatures)}."
            " Export the embedder again."
        )

    def embed(inputs: types.EncoderInputs) -> np.ndarray:
        tensors = {name: tf.constant(array, tf.int32) for name, array in inputs._asdict().items()}
        # Looked up here, and not outside, because a signature alone does not keep its weights.
        return loaded.signatures[signature](**tensors)["embedding"].numpy()

    return embed


class Retriever:
    """The retriever: finds blocks for packed queries; several threads may call it.

    Args:
      embed_fn: Function that embeds packed queries.
      index: Index that is searched with the vectors of the queries.
      step: Training step of the embedder that made the vectors of the index.
      view: The snapshot that it is of, whose rows are found; None: it is of none.
    """

    def __init__(
        self,
        *,
        embed_fn: EmbedFn,
        index: view_lib.Index,
        step: int,
        view: view_lib.View | None = None,
    ):
        self._embed_fn = embed_fn
        self.index = index
        self.step = step
        self._view = view

    @classmethod
    def open(cls, snapshot: snapshots.Snapshot) -> Retriever:
        """Opens the embedder and the index that a snapshot names.

        Raises:
          UserError: If a part is damaged, or is not the one that was published.
        """
        view = view_lib.View(snapshot)
        return cls(
            embed_fn=load_embed_fn(snapshot.segment("embedder"), "queries"),
            index=view.index,
            step=snapshot.step,
            view=view,
        )

    @property
    def table(self) -> block_table.BlockTable | None:
        """The blocks whose rows are found; None if it is of no snapshot."""
        return None if self._view is None else self._view.table

    def embed(self, queries: types.EncoderInputs) -> np.ndarray:
        """Embeds packed queries <int32>[batch_size, length] into <float32>[batch_size, D]."""
        return self._embed_fn(queries)

    def __call__(
        self, queries: types.EncoderInputs, k: int, allowed: np.ndarray | None = None
    ) -> types.RetrievedBlocks:
        """Retrieves the best blocks of packed queries.

        Args:
          queries: Packed queries, each tensor <int32>[batch_size, query_length].
          k: Number of blocks for each query, at most the number of all blocks.
          allowed: <bool>[num_blocks] rows that may be found, as `filters.allowed` makes it; None:
            all.

        Returns:
          The blocks of each query, best first, as `index.Index.search` returns them.
        """
        return self.index.search(self.embed(queries), k, allowed)
