# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the device gets of a masked batch: nothing twice, little padding, nothing that it ignores.

The null block is the shortest of all and a candidate of every example: it is embedded once, and
read behind the query alone. A block that several queries found is embedded once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from realm_tf import types
from realm_tf.data.examples import masked_batches
from realm_tf.text import packing


class SharedBatch(NamedTuple):
    """A batch of pre-training; its parts are those of `realm.SharedInputs` and `MaskedBatch`.

    Attributes:
      query: EncoderInputs <int32>[batch_size, query_length].
      blocks: The null block <int32>[1, 3], and the other blocks <int32>[num_blocks, block_length].
      block_index: <int32>[batch_size, num_candidates] places in both.
      joint: The null candidates <int32>[batch_size, 1, query_length + 1], and the others
        <int32>[batch_size, num_candidates - 1, joint_length].
      candidate_mask: <int32>[batch_size, num_candidates].
      mask_positions: <int32>[batch_size, num_masks].
      mask_targets: <int32>[batch_size, num_masks].
      mask_weights: <float32>[batch_size, num_masks].
      snapshot_step: <int64>[batch_size].
      step: <int64>[batch_size].
    """

    query: types.EncoderInputs
    blocks: tuple[types.EncoderInputs, types.EncoderInputs]
    block_index: np.ndarray
    joint: tuple[types.EncoderInputs, types.EncoderInputs]
    candidate_mask: np.ndarray
    mask_positions: np.ndarray
    mask_targets: np.ndarray
    mask_weights: np.ndarray
    snapshot_step: np.ndarray
    step: np.ndarray


class ReaderBatch(NamedTuple):
    """What the device gets of a masked batch for the reader alone; see `MaskedBatch`."""

    joint: types.EncoderInputs
    mask_positions: np.ndarray
    mask_targets: np.ndarray
    mask_weights: np.ndarray


def share(batch: masked_batches.MaskedBatch, *, static_shapes: bool) -> SharedBatch:
    """The batch of joint training as the device gets it.

    Args:
      batch: Batch in the mode "retrieved".
      static_shapes: Whether shapes are the same for all batches. Lengths then stay as they are, and
        only the null block is embedded once: how many others differ changes from batch to batch.
    """
    rows = batch.candidate_rows[:, 1:]
    first, place = np.arange(rows.size), np.arange(rows.size)
    if not static_shapes:
        _, first, place = np.unique(rows, return_index=True, return_inverse=True)
    length = batch.blocks.mask.shape[-1]
    null = types.EncoderInputs(*(array[:1, 0, : packing.PAIR_SPECIALS] for array in batch.blocks))
    others = types.EncoderInputs(
        *(array[:, 1:].reshape(-1, length)[first] for array in batch.blocks)
    )
    query_length = batch.query.mask.shape[-1]
    null_joint, joint = (
        types.EncoderInputs(*(array[part] for array in batch.joint))
        for part in (np.s_[:, :1, : query_length + 1], np.s_[:, 1:])
    )
    trim = _as_it_is if static_shapes else packing.trim
    index = np.zeros(batch.candidate_rows.shape, np.int32)  # the null block stands first
    index[:, 1:] = 1 + place.reshape(rows.shape)
    return SharedBatch(
        query=trim(batch.query),
        blocks=(null, trim(others)),
        block_index=index,
        joint=(trim(null_joint), trim(joint)),
        candidate_mask=batch.candidate_mask,
        **_masks(batch, static_shapes=static_shapes),
        snapshot_step=batch.snapshot_step,
        step=batch.step,
    )


def read_alone(batch: masked_batches.MaskedBatch, *, static_shapes: bool) -> ReaderBatch:
    """The batch of a reader's warm-up as the device gets it; as `share`."""
    joint = batch.joint if static_shapes else packing.trim(batch.joint)
    return ReaderBatch(joint, **_masks(batch, static_shapes=static_shapes))


def _masks(batch: masked_batches.MaskedBatch, *, static_shapes: bool) -> dict[str, np.ndarray]:
    """Positions, targets and weights, without the slots that no example of the batch uses."""
    used = batch.mask_weights.shape[1]
    if not static_shapes:
        used = max(1, int((batch.mask_weights > 0).sum(1).max()))
    names = ("mask_positions", "mask_targets", "mask_weights")
    return {name: getattr(batch, name)[:, :used] for name in names}


def _as_it_is(inputs: types.EncoderInputs) -> types.EncoderInputs:
    return inputs
