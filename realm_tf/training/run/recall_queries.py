# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Real queries for the recall gate of an index: masked sentences of held-out documents.

They are packed once and kept as a segment, so that a refresher needs neither passages nor spans.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from realm_tf import artifacts, types
from realm_tf.artifacts import gfile
from realm_tf.retrieval import retriever
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import masked_examples

KIND = "recall_queries"
_COUNT = 1_000  # a span may be drawn twice where there are fewer
_BATCH = 64
_FILE = "queries.npy"


def write(context: context_lib.Context) -> artifacts.Segment:
    """The queries of a run: segment "recall_queries"; packed if they are not there already.

    Raises:
      UserError: If no span of a held-out document can be masked.
    """
    config = context.config
    settings = {
        "seed": config.seed,
        "count": _COUNT,
        "query_length": config.pretrain.query_length,
        "max_masks": config.pretrain.max_masks,
        "held_out": config.evaluation.held_out_fraction,
    }
    made_from = {
        "tokenizer": context.tokenizer.fingerprint,
        "passages": context.passages.source,
    }
    path = context.recipe(KIND, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        return artifacts.open_segment(path, KIND)

    def pack() -> artifacts.Segment:
        return _pack(context, path, settings, made_from)

    return context.worker.segment(pack, path, KIND)


def _pack(
    context: context_lib.Context,
    path: str,
    settings: dict[str, Any],
    made_from: dict[str, str],
) -> artifacts.Segment:
    batches = masked_examples.make_batches(
        context, held_out=True, batch_size=_COUNT, stage="pretrain/recall"
    )
    queries = np.stack(batches.make_batch(0, mode="null").query)
    writer = artifacts.SegmentWriter(path, kind=KIND, settings=settings, made_from=made_from)
    with writer.file(_FILE, num_records=_COUNT) as aside, gfile.GFile(aside, "wb") as f:
        np.save(f, queries)
    return writer.commit(queries=_COUNT)


def embed(segment: artifacts.Segment, embedder: artifacts.Segment) -> np.ndarray:
    """Embeds the queries with the query tower of an "embedder" segment.

    Returns:
      <float32>[num_queries, embed_dim].
    """
    with gfile.GFile(segment.file(_FILE), "rb") as f:
        queries = np.load(f, allow_pickle=False)
    embed_fn = retriever.load_embed_fn(embedder, "queries")
    starts = range(0, queries.shape[1], _BATCH)
    parts = [embed_fn(types.EncoderInputs(*queries[:, start : start + _BATCH])) for start in starts]
    return np.concatenate(parts)
