# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Small configurations and random inputs for networks."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import config, types
from realm_tf.data.examples import masked_batches
from realm_tf.models import realm

VOCAB_SIZE = 40
DIM = 6

ENCODER = config.EncoderConfig(
    hidden_size=16,
    num_layers=1,
    num_heads=2,
    intermediate_size=32,
    max_positions=64,
    dropout=0.0,
    attention_dropout=0.0,
)


def embedder_config(**changes: Any) -> config.EmbedderConfig:
    base = config.EmbedderConfig(encoder=ENCODER, projection_size=DIM, dropout=0.0)
    return dataclasses.replace(base, **changes)


def reader_config(**changes: Any) -> config.ReaderConfig:
    base = config.ReaderConfig(encoder=ENCODER, span_size=8, max_span_width=3)
    return dataclasses.replace(base, **changes)


def model_config() -> config.ModelConfig:
    return config.ModelConfig(embedder=embedder_config(), reader=reader_config())


def inputs(*shape: int, seed: int = 0, vocab_size: int = VOCAB_SIZE) -> types.EncoderInputs:
    """Random full sequences whose second half is segment 1."""
    rng = np.random.default_rng(seed)
    word_ids = rng.integers(5, vocab_size, shape).astype(np.int32)
    type_ids = np.broadcast_to(np.arange(shape[-1]) >= shape[-1] // 2, shape).astype(np.int32)
    return types.EncoderInputs(word_ids, np.ones(shape, np.int32), type_ids)


def padded(full: types.EncoderInputs, by: int, *, word_id: int) -> types.EncoderInputs:
    """The same sequences, followed by masked positions that hold `word_id`."""
    width = [(0, 0)] * (full.word_ids.ndim - 1) + [(0, by)]
    return types.EncoderInputs(
        np.pad(full.word_ids, width, constant_values=word_id),
        np.pad(full.mask, width),
        np.pad(full.type_ids, width),
    )


def masked_batch(
    batch_size: int = 4, candidates: int = 3, seed: int = 0
) -> masked_batches.MaskedBatch:
    """A random batch of pre-training: the null block first, then blocks of which some are the same.

    Its last example lacks its last candidate.
    """
    rng = np.random.default_rng(seed)
    candidate_mask = np.ones((batch_size, candidates), np.int32)
    candidate_mask[-1, -1] = 0
    weights = np.ones((batch_size, 2), np.float32)
    weights[0, 1] = 0
    rows = np.add.outer(np.arange(batch_size), np.arange(candidates)) - 1
    rows[:, 0] = rows[-1, -1] = -1
    table = inputs(rows.max() + 2, 8, seed=seed + 1)  # the null block is its last
    blocks = types.EncoderInputs(*(array[rows] for array in table))
    joint = inputs(batch_size, candidates, 14, seed=seed + 2)
    for array in (*blocks, *joint):
        array[:, 0, 3 if array.shape[-1] == 8 else 7 :] = 0
    return masked_batches.MaskedBatch(
        query=inputs(batch_size, 6, seed=seed),
        blocks=blocks,
        joint=joint,
        candidate_mask=candidate_mask,
        mask_positions=rng.integers(1, 5, (batch_size, 2)).astype(np.int32),
        mask_targets=rng.integers(5, VOCAB_SIZE, (batch_size, 2)).astype(np.int32),
        mask_weights=weights,
        snapshot_step=np.zeros(batch_size, np.int64),
        candidate_rows=rows,
        step=np.zeros(batch_size, np.int64),
    )


def realm_inputs(batch: masked_batches.MaskedBatch) -> realm.RealmInputs:
    """What the model reads of a batch."""
    return realm.RealmInputs(batch.query, batch.blocks, batch.joint, batch.mask_positions)


def randomise(model: tf.Module, *, stddev: float = 0.3, seed: int = 0) -> None:
    """Sets every weight: as they are made, biases are 0 and outputs nearly equal."""
    rng = np.random.default_rng(seed)
    for variable in model.variables:
        mean = 1.0 if "gamma" in variable.name else 0.0
        variable.assign(rng.normal(mean, stddev, variable.shape))
