# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The order of examples: every one once an epoch, and any batch alone."""

import itertools

import numpy as np
import pytest

from realm_tf import types
from realm_tf.data import sampling


def _epoch(sampler: sampling.EpochSampler, epoch: int, batch_size: int = 1) -> list[int]:
    """The epoch's numbers, each from a batch of its own."""
    start = epoch * sampler.num_examples
    return [int(sampler.batch(start + i, 1)[0]) for i in range(sampler.num_examples)]


def test_an_epoch_visits_every_example_once_and_epochs_differ():
    sampler = sampling.EpochSampler(101, seed=3, stage="ict")
    first, second = _epoch(sampler, 0), _epoch(sampler, 1)
    assert sorted(first) == sorted(second) == list(range(101))
    assert first != second
    assert first != list(range(101))


def test_batches_cut_one_stream_whatever_their_size():
    sampler = sampling.EpochSampler(7, seed=3, stage="ict")
    stream = _epoch(sampler, 0) + _epoch(sampler, 1) + _epoch(sampler, 2)
    assert np.concatenate([sampler.batch(i, 3) for i in range(7)]).tolist() == stream
    assert sampler.batch(0, 21).tolist() == stream  # a batch of three epochs


def test_a_batch_can_be_computed_alone():
    used = sampling.EpochSampler(50, seed=0, stage="pretrain")
    for index in range(40):
        used.batch(index, 8)
    fresh = sampling.EpochSampler(50, seed=0, stage="pretrain")
    assert fresh.batch(23, 8).tolist() == used.batch(23, 8).tolist()


def test_order_depends_on_seed_and_stage():
    orders = [
        sampling.EpochSampler(50, seed=seed, stage=stage).batch(0, 50).tolist()
        for seed, stage in [(0, "ict"), (1, "ict"), (0, "pretrain")]
    ]
    assert orders[0] != orders[1]
    assert orders[0] != orders[2]


def test_the_stream_is_the_same_in_every_release():
    """A resumed run may have been started by another version: these numbers must not change."""
    numbers = sampling.EpochSampler(10, seed=0, stage="ict").batch(0, 10).tolist()
    assert numbers == [9, 0, 7, 6, 4, 1, 2, 5, 8, 3]


def test_no_examples_is_an_error_that_names_the_stage():
    with pytest.raises(types.UserError, match="ict stage has no examples"):
        sampling.EpochSampler(0, seed=0, stage="ict")


def test_generators_are_independent_of_each_other():
    draws = {
        sampling.generator(seed, stage, key).random()
        for seed in (0, 1)
        for stage in ("a", "b")
        for key in (0, 1)
    }
    assert len(draws) == 8


@pytest.mark.parametrize(("count", "most"), [(0, 3), (3, 3), (4, 3), (100, 7), (5, 100)])
def test_an_even_sample_has_as_many_rows_as_are_wanted(count, most):
    found = list(sampling.evenly(range(count), most))
    assert len(found) == min(count, most)
    gaps = {after - before for before, after in itertools.pairwise(found)}
    assert max(gaps, default=1) - min(gaps, default=1) <= 1
    assert not found or (found[0] == 0 and found[-1] >= count - 1 - max(gaps, default=1))
