# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A damaged checkpoint is one line for the user; directories may have any name."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import types
from realm_tf.training.engine import best_weights, checkpoints
from realm_tf.training.experiments import ict
from tests.training import runs


def _cut(path: pathlib.Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])


def _scramble(path: pathlib.Path) -> None:
    path.write_bytes(bytes(byte ^ 0x55 for byte in path.read_bytes()))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished warm start whose weights are gone, so that it goes on from its checkpoint."""
    root = tmp_path_factory.mktemp("trained") / "run [1] *?"
    context = runs.make_context(root)
    return context, ict.train(context)


@pytest.mark.parametrize("harm", [pathlib.Path.unlink, _cut, _scramble])
@pytest.mark.parametrize("pattern", ["ckpt-6.data-*", "ckpt-6.index"])
def test_damage_is_one_line(trained, harm, pattern):
    context, segment = trained
    directory = pathlib.Path(context.directory(segment.path))
    (file,) = directory.glob(pattern)
    good = file.read_bytes()
    pathlib.Path(segment.path, "segment.json").unlink()
    harm(file)
    with pytest.raises(types.UserError) as told:
        ict.train(context)
    assert str(told.value).startswith(f"A checkpoint in {directory} is damaged: ")
    assert "Delete that directory" in str(told.value)
    assert "\n" not in str(told.value)
    file.write_bytes(good)
    # What was measured before is measured again, and not taken for zero.
    assert ict.train(context).counts == segment.counts
    assert segment.counts["accuracy"] > 0


def test_newest_step(trained, tmp_path):
    context, segment = trained
    assert checkpoints.newest_step(context.directory(segment.path)) == 6
    assert checkpoints.newest_step(str(tmp_path)) == 0


def test_old_checkpoints_are_deleted_whatever_the_directory_is_called(trained):
    context, segment = trained
    names = {p.name for p in pathlib.Path(context.directory(segment.path)).glob("ckpt-*.index")}
    assert names == {"ckpt-3.index", "ckpt-6.index"}


def _module(value: float) -> tf.Module:
    module = tf.Module()
    module.weight = tf.Variable([value] * 1000)
    return module


def test_best_weights_in_a_directory_of_any_name(tmp_path):
    directory = tmp_path / "tag [2] *?"
    directory.mkdir()
    module = _module(0.0)
    kept = best_weights.BestWeights(module, str(directory))
    for step, value in ((1, 0.1), (2, 0.3)):
        module.weight.assign([float(step)] * 1000)
        kept.offer(step, value)
    assert {p.name.partition(".")[0] for p in directory.iterdir()} == {"best", "best-000000002"}
    other = _module(0.0)
    best_weights.BestWeights(other, str(directory)).restore()
    assert np.all(other.weight.numpy() == 2)
    _cut(next(directory.glob("best-*.data-*")))
    with pytest.raises(types.UserError, match="is damaged"):
        best_weights.BestWeights(other, str(directory)).restore()


@pytest.mark.parametrize("text", ["{}", "[]", '{"step": "x", "value": 1}', "nothing"])
def test_best_weights_with_a_broken_record(tmp_path, text):
    (tmp_path / "best.json").write_text(text)
    with pytest.raises(types.UserError, match="damaged"):
        best_weights.BestWeights(_module(0.0), str(tmp_path))
