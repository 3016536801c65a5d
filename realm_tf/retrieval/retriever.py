# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""From packed queries to blocks: an embedder and an index that belong together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf.retrieval import index as index_lib
from realm_tf.retrieval import snapshots, vectors

# Encoder inputs <int32>[batch_size, length] to vectors <float32>[batch_size, embed_dim].
EmbedFn = Callable[[types.EncoderInputs], np.ndarray]


def load_embed_fn(embedder: artifacts.Segment, signature: str) -> EmbedFn:
    """Loads one tower of an "embedder" segment; only TensorFlow is needed.

    Args:
      embedder: The segment.
      signature: "queries" or "blocks".

    Raises:
      UserError: If the SavedModel has no such signature.
    """
    loaded = tf.saved_model.load(embedder.file(artifacts.SAVED_MODEL))
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
    """Retrieves blocks for packed queries. Safe to call from several threads.

    Args:
      embed_fn: Embeds queries.
      index: Searched with their vectors.
      step: Of the trainer whose embedder made both.
    """

    def __init__(self, *, embed_fn: EmbedFn, index: index_lib.Index, step: int):
        self._embed_fn = embed_fn
        self.index = index
        self.step = step

    @classmethod
    def open(cls, snapshot: snapshots.Snapshot) -> Retriever:
        """Opens what a snapshot names.

        Raises:
          UserError: If a part is damaged, or is not the one that was published.
        """
        table = vectors.VectorTable.open(snapshot.segment("vectors"))
        return cls(
            embed_fn=load_embed_fn(snapshot.segment("embedder"), "queries"),
            index=index_lib.Index.open(snapshot.segment("index"), table),
            step=snapshot.step,
        )

    def embed(self, queries: types.EncoderInputs) -> np.ndarray:
        """Embeds packed queries <int32>[batch_size, length] into <float32>[batch_size, D]."""
        return self._embed_fn(queries)

    def __call__(self, queries: types.EncoderInputs, k: int) -> types.RetrievedBlocks:
        """Retrieves.

        Args:
          queries: <int32>[batch_size, query_length] each.
          k: Blocks per query; clamped to the number of blocks.

        Returns:
          Best first; see `index.Index.search`.
        """
        return self.index.search(self.embed(queries), k)
