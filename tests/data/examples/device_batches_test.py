# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the device gets is the batch in other places: nothing is lost, nothing is there twice."""

import numpy as np
import pytest

from realm_tf import types
from realm_tf.data.examples import device_batches
from tests.models import tiny

BATCH = tiny.masked_batch(batch_size=6, candidates=4)


def _wide(inputs: types.EncoderInputs, length: int) -> types.EncoderInputs:
    """Padded again."""
    return tiny.padded(inputs, length - inputs.mask.shape[-1], word_id=0)


def _assert_same(found: types.EncoderInputs, expected: types.EncoderInputs) -> None:
    """Equal where there is a wordpiece."""
    np.testing.assert_array_equal(found.mask, expected.mask)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one * found.mask, other * found.mask)


@pytest.mark.parametrize("static_shapes", [True, False])
def test_every_candidate_is_found_again(static_shapes):
    made = device_batches.share(BATCH, static_shapes=static_shapes)
    groups = [_wide(group, 8) for group in made.blocks]
    every = types.EncoderInputs(*map(np.concatenate, zip(*groups, strict=True)))
    there = BATCH.candidate_mask == 1
    blocks = types.EncoderInputs(*(array[made.block_index][there] for array in every))
    _assert_same(blocks, types.EncoderInputs(*(array[there] for array in BATCH.blocks)))
    joint = [_wide(group, 14) for group in made.joint]
    _assert_same(
        types.EncoderInputs(*(np.concatenate(x, axis=1) for x in zip(*joint, strict=True))),
        BATCH.joint,
    )
    _assert_same(_wide(made.query, 6), BATCH.query)


def test_null_block_stands_once_and_short():
    made = device_batches.share(BATCH, static_shapes=False)
    assert made.blocks[0].word_ids.shape == (1, 3)
    assert made.joint[0].word_ids.shape == (6, 1, 7)
    assert not made.block_index[:, 0].any()


def test_block_of_several_queries_stands_once():
    made = device_batches.share(BATCH, static_shapes=False)
    rows = BATCH.candidate_rows[:, 1:]
    assert len(made.blocks[1].word_ids) == len(set(rows.ravel().tolist())) < rows.size
    for row in set(rows.ravel().tolist()):
        assert len(set(made.block_index[:, 1:][rows == row].tolist())) == 1


def test_unused_slots_of_masks_are_left_out():
    weights = BATCH.mask_weights.copy()
    weights[:, 1] = 0
    batch = BATCH._replace(mask_weights=weights)
    for make in (device_batches.share, device_batches.read_alone):
        made = make(batch, static_shapes=False)
        assert made.mask_weights.shape == made.mask_targets.shape == (6, 1)
        assert make(batch, static_shapes=True).mask_positions.shape == (6, 2)
    nothing = device_batches.read_alone(
        BATCH._replace(mask_weights=np.zeros_like(weights)), static_shapes=False
    )
    assert nothing.mask_weights.shape == (6, 1)


def test_static_shapes_do_not_depend_on_the_batch():
    same = BATCH._replace(candidate_rows=np.where(BATCH.candidate_rows < 0, -1, 0))
    shapes = [
        [np.shape(x) for x in _arrays(device_batches.share(batch, static_shapes=True))]
        for batch in (BATCH, same)
    ]
    assert shapes[0] == shapes[1]
    assert device_batches.read_alone(BATCH, static_shapes=True).joint is BATCH.joint


def test_the_device_gets_no_rows():
    """The largest numbers of a batch, which only the host has a use for."""
    for made in (device_batches.share, device_batches.read_alone):
        assert "candidate_rows" not in made(BATCH, static_shapes=False)._fields


def _arrays(value):
    if isinstance(value, tuple):
        return [array for part in value for array in _arrays(part)]
    return [value]
