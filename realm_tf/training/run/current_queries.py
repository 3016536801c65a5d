# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Queries of coming batches, embedded with the weights that the trainer has.

The trainer embeds them between two steps; threads then search for them and pack what was found
while it trains. So batch `i` is always searched for with the weights that the trainer has after
step `i - depth + 1` (before the first step, if that is earlier). Vectors of batches that are not
trained on yet are part of the checkpoint: a run that resumes makes the batches that it would have
made.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.data.examples import masked_batches
from realm_tf.models import embedder as embedder_lib
from realm_tf.retrieval import retriever as retriever_lib


class SnapshotQueries:
    """Queries that a snapshot embeds itself, when it is searched.

    Attributes:
      is_current: Whether batches depend on current weights.
      state: What is part of the checkpoint, by name.
    """

    is_current = False
    state: Mapping[str, Any] = {}

    def following(self, before_batch: Callable[..., None]) -> Callable[..., None]:
        """What `loop.Run.before_batch` is, given what comes first."""
        return before_batch

    def retrieve_from(
        self, retriever: retriever_lib.Retriever, index: int
    ) -> masked_batches.Retrieve:
        """The search of batch `index` among the blocks of a snapshot."""
        del index
        return retriever


class CurrentQueries(tf.train.experimental.PythonState):
    """Vectors of the queries of coming batches; otherwise as `SnapshotQueries`.

    Args:
      embedder: The embedder that is being trained.
      queries: Index of a batch to its packed queries.
      depth: Batches that are made or in the making ahead; see `BatchStream`.
      steps: Number of steps of the training.
    """

    is_current = True

    def __init__(
        self,
        embedder: embedder_lib.Embedder,
        queries: Callable[[int], types.EncoderInputs],
        *,
        depth: int,
        steps: int,
    ):
        self._queries, self._depth, self._steps = queries, depth, steps
        self._embed = tf.function(lambda inputs: embedder.embed_queries(inputs, training=False))
        self._vectors: dict[int, np.ndarray] = {}

    @property
    def state(self) -> Mapping[str, Any]:
        """See `SnapshotQueries`."""
        return {"queries": self}

    def following(self, before_batch: Callable[..., None]) -> Callable[..., None]:
        """See `SnapshotQueries`."""

        def both(index: int) -> None:
            before_batch(index)
            self.before_batch(index)

        return both

    def before_batch(self, index: int) -> None:
        """Embeds with the weights as they are; see `BatchStream`, whose `before` this is."""
        for coming in range(index, min(index + self._depth, self._steps)):
            if coming not in self._vectors:
                inputs = tf.nest.map_structure(tf.constant, self._queries(coming))
                self._vectors[coming] = self._embed(inputs).numpy()
        for past in [i for i in self._vectors if i < index]:
            del self._vectors[past]

    def retrieve_from(
        self, retriever: retriever_lib.Retriever, index: int
    ) -> masked_batches.Retrieve:
        """The search of batch `index` among the blocks of a snapshot."""
        # Of weights that have diverged there is nothing to search for; the step tells it.
        vectors = np.nan_to_num(self._vectors[index])
        return lambda _, k: retriever.index.search(vectors, k)

    def serialize(self) -> bytes:
        """The vectors, for a checkpoint."""
        stream = io.BytesIO()
        vectors: dict[str, Any] = {str(index): found for index, found in self._vectors.items()}
        np.savez(stream, **vectors)
        return stream.getvalue()

    def deserialize(self, string_value: bytes) -> None:
        """Takes the vectors of a checkpoint in place of its own."""
        with np.load(io.BytesIO(string_value), allow_pickle=False) as arrays:
            self._vectors = {int(index): arrays[index] for index in arrays.files}


def configured(
    config: config_lib.Config,
    embedder: embedder_lib.Embedder,
    batches: masked_batches.MaskedBatches,
) -> SnapshotQueries | CurrentQueries:
    """What embeds the queries of joint training.

    Args:
      config: Configuration of the run.
      embedder: The embedder that is being trained.
      batches: The batches that it is trained on.
    """
    if config.pretrain.query_weights == "snapshot":
        return SnapshotQueries()
    depth, steps = config.runtime.prefetch_batches, config.pretrain.steps
    return CurrentQueries(embedder, batches.queries, depth=depth, steps=steps)
