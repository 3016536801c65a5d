# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Shapes and random batches of `train_step`.

Lengths are spread as in a corpus: at the shape of MiniLM blocks are nearly full, at that of the
quickstart half full.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.data.examples import ict_batches, masked_batches
from realm_tf.data.questions import question_batches
from realm_tf.text import packing


class Ids(NamedTuple):
    """What packing asks of a tokenizer."""

    pad_id: int = 0
    cls_id: int = 2
    sep_id: int = 3


class Shape(NamedTuple):
    """Sizes of the networks and of the batches.

    Attributes:
      settings: Configuration, as nested dicts.
      vocab_size: Wordpieces of the vocabulary.
      bodies: Shortest and longest body of a block, in wordpieces.
      queries: Shortest and longest query.
      rows: Blocks that searches find; the fewer, the more often two queries find the same.
    """

    settings: dict[str, Any]
    vocab_size: int
    bodies: tuple[int, int]
    queries: tuple[int, int]
    rows: int


def networks(span: dict[str, int] | None = None, **encoder: Any) -> dict[str, Any]:
    """The section `model`: encoders of these sizes, without dropout, and settings of the spans."""
    encoder |= {"dropout": 0.0, "attention_dropout": 0.0}
    embedder = {"encoder": encoder, "dropout": 0.0}
    return {"embedder": embedder, "reader": {"encoder": encoder, **(span or {})}}


SHAPES = {
    "minilm": Shape(
        {
            "model": networks(hidden_size=384, num_layers=6, num_heads=12, intermediate_size=1536),
            "blocks": {"length": 288},
            "ict": {"batch_size": 4, "query_length": 64},
            "pretrain": {"batch_size": 2, "query_length": 96, "num_candidates": 4},
            "open_qa": {"batch_size": 2, "num_searched": 100, "num_read": 3},
        },
        vocab_size=30_522,
        bodies=(180, 284),
        queries=(12, 60),
        rows=20_000,
    ),
    "quickstart": Shape(
        {
            "model": networks(
                span={"max_span_width": 6, "span_size": 64},
                hidden_size=64,
                num_layers=2,
                num_heads=4,
                intermediate_size=256,
                max_positions=64,
            ),
            "blocks": {"length": 36},
            "ict": {"batch_size": 64, "query_length": 24},
            "pretrain": {
                "batch_size": 16,
                "query_length": 24,
                "num_candidates": 4,
                "max_masks": 4,
            },
            "open_qa": {
                "batch_size": 16,
                "query_length": 24,
                "reader_length": 60,
                "num_searched": 50,
                "num_read": 3,
                "max_answers": 4,
            },
        },
        vocab_size=4000,
        bodies=(8, 26),
        queries=(6, 18),
        rows=4562,
    ),
}


class Texts:
    """Random texts of a shape: a block is the same whenever it is asked for."""

    def __init__(self, shape: Shape, config: config_lib.Config, seed: int):
        self.rng = np.random.default_rng(seed)
        self._shape, self._config = shape, config

    def queries(self, count: int) -> types.Ragged:
        """`count` queries."""
        return self._ragged(self.rng, count, self._shape.queries)

    def bodies(self, rows: np.ndarray) -> types.Ragged:
        """The bodies of blocks <int>[any]; -1 is the null block."""
        of_rows = [
            self._ragged(np.random.default_rng(row), 1, self._shape.bodies).values
            if row >= 0
            else np.zeros(0, np.int32)
            for row in rows.ravel().tolist()
        ]
        return types.Ragged.of(of_rows)

    def blocks(self, rows: np.ndarray) -> types.EncoderInputs:
        """Packed blocks, with the first wordpieces of their bodies as titles."""
        bodies = self.bodies(rows)
        packed = packing.pack_blocks(bodies.cut(3), bodies, self._config.blocks.length, Ids())
        return packing.reshape(packed, *rows.shape)

    def joint(self, queries: types.Ragged, rows: np.ndarray, length: int) -> types.EncoderInputs:
        """Packed queries and blocks, <int32>[*rows.shape, length]."""
        repeated = queries.repeat(rows.shape[1])
        packed, _ = packing.pack_joint(repeated, self.bodies(rows), length, Ids())
        return packing.reshape(packed, *rows.shape)

    def _ragged(
        self, rng: np.random.Generator, count: int, limits: tuple[int, int]
    ) -> types.Ragged:
        lengths = rng.integers(*limits, count, endpoint=True)
        return types.Ragged.of(
            [rng.integers(5, self._shape.vocab_size, n, np.int32) for n in lengths]
        )


def ict_batch(texts: Texts, config: config_lib.Config, shape: Shape) -> ict_batches.IctBatch:
    """A batch of the inverse cloze task."""
    size = config.ict.batch_size
    query = packing.pack_queries(texts.queries(size), config.ict.query_length, Ids())
    return ict_batches.IctBatch(query, texts.blocks(texts.rng.integers(0, shape.rows, size)))


def masked_batch(
    texts: Texts, config: config_lib.Config, shape: Shape
) -> masked_batches.MaskedBatch:
    """A batch of joint training: one to `max_masks` masks, as many of few as of many."""
    settings = config.pretrain
    size, masks = settings.batch_size, settings.max_masks
    rows = texts.rng.integers(0, shape.rows, (size, settings.num_candidates))
    rows[:, 0] = -1
    queries = texts.queries(size)
    used = np.arange(masks) < texts.rng.integers(1, min(masks, 4), size, endpoint=True)[:, None]
    return masked_batches.MaskedBatch(
        query=packing.pack_queries(queries, settings.query_length, Ids()),
        blocks=texts.blocks(rows),
        joint=texts.joint(queries, rows, settings.query_length + config.blocks.length),
        candidate_mask=np.ones(rows.shape, np.int32),
        candidate_rows=rows,
        mask_positions=used * np.arange(1, masks + 1, dtype=np.int32),
        mask_targets=used * texts.rng.integers(5, shape.vocab_size, used.shape, np.int32),
        mask_weights=used.astype(np.float32),
        snapshot_step=np.zeros(size, np.int64),
        step=np.zeros(size, np.int64),
    )


def read_batch(texts: Texts, config: config_lib.Config, shape: Shape) -> question_batches.ReadBatch:
    """A batch of open QA behind its search: an answer in the first block of every question."""
    settings = config.open_qa
    size = settings.batch_size
    rows = texts.rng.integers(0, shape.rows, (size, settings.num_read))
    queries = texts.queries(size)
    joint = texts.joint(queries, rows, settings.reader_length)
    starts = np.zeros((*rows.shape, settings.max_answers), np.int32)
    starts[:, 0, 0] = queries.lengths + 3
    found = np.zeros((size, settings.num_searched), np.int32)
    found[:, 0] = 1
    dim = config.model.embedder.projection_size
    return question_batches.ReadBatch(
        question=packing.pack_queries(queries, settings.query_length, Ids()),
        block_emb=texts.rng.normal(size=(*found.shape, dim)).astype(np.float32),
        retrieved_mask=np.ones_like(found),
        retrieved_has_answer=found,
        joint=joint,
        body_mask=joint.type_ids,
        answer_starts=starts,
        answer_ends=starts,
        answer_mask=(starts > 0).astype(np.int32),
    )
