# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Whole stages with loops on the device end with the weights that the host's loops give."""

import os

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.artifacts import gfile
from realm_tf.training.experiments import ict, pretrain, warmup
from realm_tf.training.run import swap_log
from tests.training import runs

_HOST, _DEVICE = "runtime.static_shapes=true", "runtime.device_loop=true"


class Killed(BaseException):
    """What no handler of errors catches."""


def _same_weights(left, right):
    left, right = (
        tf.train.load_checkpoint(os.path.join(segment.path, "weights")) for segment in (left, right)
    )
    names = {n for n in left.get_variable_to_shape_map() if n.startswith("model/")}
    assert len(names) > 10
    for name in names:
        np.testing.assert_array_equal(right.get_tensor(name), left.get_tensor(name), err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("stage", [ict.train, warmup.train], ids=["ict", "warmup"])
def test_stage_before_joint_training(tmp_path, stage):
    steps = ("pretrain.warmup.null_steps=2", "pretrain.warmup.max_steps=4")
    host, device = (
        stage(runs.make_context(tmp_path / loop, runs.make_config(*steps, loop)))
        for loop in (_HOST, _DEVICE)
    )
    assert device.settings["runtime"] != host.settings["runtime"]
    _same_weights(device, host)
    assert device.counts == host.counts


_REFRESHED = (
    *("pretrain.steps=9", "pretrain.refresh.every_steps=3"),
    *("pretrain.checkpoint_every_steps=3", "pretrain.keep=last"),
)


def _train(root, loop, embed=lambda job, *inputs: job(*inputs)):
    context = runs.make_context(root, runs.make_config(*_REFRESHED, loop))
    job = runs.make_vectors(context)
    return pretrain.train(
        context,
        embedder_weights=ict.random_embedder(context),
        reader_weights=warmup.train(context),
        make_vectors=lambda *inputs: embed(job, *inputs),
    )


def _swaps(root):
    (path,) = gfile.glob(str(root / "training" / "*" / "swaps.json"))
    return swap_log.read(path, "Train again.")


@pytest.mark.slow
def test_joint_training_has_the_same_swaps_also_when_it_was_killed(tmp_path):
    host = _train(tmp_path / "host", _HOST)

    def kill(job, exported, root):
        if exported.settings["step"] == 6:
            raise Killed
        return job(exported, root)

    with pytest.raises(Killed):
        _train(tmp_path / "device", _DEVICE, kill)
    device = _train(tmp_path / "device", _DEVICE)
    _same_weights(device.embedder_weights, host.embedder_weights)
    _same_weights(device.reader_weights, host.reader_weights)
    swaps = _swaps(tmp_path / "device")
    assert swaps == _swaps(tmp_path / "host")
    assert [(s.batch_index, s.snapshot_step) for s in swaps] == [(0, 0), (5, 3), (8, 6)]
