# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What decides trained weights names them; where they are computed does not."""

import dataclasses

import pytest

from realm_tf.training.experiments import ict, pretrain, warmup
from tests.training import runs

_NUMERIC = (
    *("runtime.mixed_bfloat16=true", "runtime.jit_compile=true"),
    "runtime.device_loop=true",  # batches are padded, and dropout draws otherwise
)
_OPERATIONAL = ("runtime.strategy=mirrored", "runtime.input_threads=3", "runtime.tpu=there")
_SWAPS = "runtime.prefetch_batches=3"


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    cfg = runs.make_config("ict.steps=0")
    return runs.make_context(tmp_path_factory.mktemp("recipes"), cfg)


def _with(context, override):
    return dataclasses.replace(context, config=runs.make_config("ict.steps=0", override))


def _paths(context, start):
    embedder, reader = start
    joint = pretrain._Pretraining(context, embedder, reader, runs.make_vectors(context), None)
    return ict.train(context).path, warmup.train(context).path, joint._directory


@pytest.fixture(scope="module")
def known(context):
    start = (ict.train(context), warmup.train(context))
    return start, _paths(context, start)


@pytest.mark.parametrize("override", _NUMERIC)
def test_number_formats_and_compilers_name_all_weights(context, known, override):
    start, paths = known
    others = _paths(_with(context, override), start)
    assert all(left != right for left, right in zip(others, paths, strict=True))


@pytest.mark.parametrize("override", _OPERATIONAL)
def test_devices_and_threads_name_nothing(context, known, override):
    start, paths = known
    assert _paths(_with(context, override), start) == paths


def test_prefetching_names_joint_training_alone(context, known):
    start, paths = known
    others = _paths(_with(context, _SWAPS), start)
    assert [a == b for a, b in zip(others, paths, strict=True)] == [True, True, False]


@pytest.mark.parametrize(
    ("override", "same"),
    [
        ("pretrain.checkpoint_every_steps=2", False),  # other weights are candidates
        ("pretrain.keep=last", False),
        ("pretrain.refresh.keep_snapshots=9", True),
    ],
)
def test_choice_of_the_best_names_joint_training(context, known, override, same):
    start, paths = known
    assert (_paths(_with(context, override), start)[2] == paths[2]) is same
