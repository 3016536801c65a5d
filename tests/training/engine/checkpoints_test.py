# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A damaged checkpoint is one line for the user; directories may have any name."""

import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf.training.engine import best_weights, checkpoints
from realm_tf.training.experiments import ict
from tests.training import runs


def _flip(path: pathlib.Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


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


HARMS = pytest.mark.parametrize("harm", [pathlib.Path.unlink, _cut, _flip, _scramble])


def _warnings(caplog) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name.startswith("realm_tf")
            and r.levelname == "WARNING"]  # fmt: skip


@HARMS
@pytest.mark.parametrize("pattern", ["ckpt-6.data-*", "ckpt-6.index", "ckpt-6.*"])
def test_damaged_newest_checkpoint_is_passed_over(trained, tmp_path, caplog, harm, pattern):
    context, segment = trained
    run = tmp_path / "run"
    shutil.copytree(context.directory(segment.path), run)
    for file in list(run.glob(pattern)):
        harm(file)
    assert checkpoints.recover(str(run)) == 3
    (line,) = _warnings(caplog)
    assert line.startswith(f"The checkpoint {run}/ckpt-6 is damaged: ")
    assert "goes back to step 3, to ckpt-3" in line
    assert {path.name.partition(".")[0] for path in run.glob("ckpt-*")} == {"ckpt-3"}
    assert tf.train.latest_checkpoint(str(run)) == str(run / "ckpt-3")


@pytest.mark.parametrize("place", range(0, 700, 23))
def test_any_flipped_bit_of_an_index_is_seen(trained, tmp_path, place):
    context, segment = trained
    run = tmp_path / "run"
    shutil.copytree(context.directory(segment.path), run)
    index = run / "ckpt-6.index"
    content = bytearray(index.read_bytes())
    content[place * len(content) // 700] ^= 1 << place % 8
    index.write_bytes(bytes(content))
    assert checkpoints.recover(str(run)) in (3, 6)
    if (run / "ckpt-6.index").exists():  # a bit that nothing reads: all tensors are as they were
        _same_tensors(run / "ckpt-6", f"{context.directory(segment.path)}/ckpt-6")


def _same_tensors(left: pathlib.Path, right: str) -> None:
    with artifacts.plain_path(str(pathlib.Path(right).parent)) as directory:
        readers = [tf.train.load_checkpoint(p) for p in (str(left), f"{directory}/ckpt-6")]
        shapes = [reader.get_variable_to_shape_map() for reader in readers]
        assert shapes[0] == shapes[1]
        for name in shapes[0]:
            np.testing.assert_array_equal(*[reader.get_tensor(name) for reader in readers])


@pytest.mark.parametrize(
    ("harm", "pattern"),
    [(_flip, "ckpt-6.data-*"), (_cut, "ckpt-6.index"), (pathlib.Path.unlink, "ckpt-6.*")],
)
def test_training_goes_on_from_the_one_before(trained, harm, pattern, caplog):
    context, segment = trained
    directory = pathlib.Path(context.directory(segment.path))
    pathlib.Path(segment.path, "segment.json").unlink()
    for file in list(directory.glob(pattern)):
        harm(file)
    again = ict.train(context)
    assert len(_warnings(caplog)) == 1
    # The same steps are made again. What was measured is measured again, not taken for zero.
    assert again.counts == segment.counts
    assert segment.counts["accuracy"] > 0


@HARMS
def test_all_checkpoints_damaged_is_one_line(trained, tmp_path, harm):
    context, segment = trained
    run = tmp_path / "run"
    shutil.copytree(context.directory(segment.path), run)
    for file in list(run.glob("ckpt-*.data-*")):
        harm(file)
    with pytest.raises(types.UserError) as told:
        checkpoints.recover(str(run))
    assert str(told.value).startswith(f"A checkpoint in {run} is damaged: ")
    assert "Delete that directory" in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("text", [None, "", "nothing", 'model_checkpoint_path: "ckpt-99"\n'])
def test_what_lies_there_counts_and_not_the_record_of_it(trained, tmp_path, text):
    context, segment = trained
    run = tmp_path / "run"
    shutil.copytree(context.directory(segment.path), run)
    (run / "checkpoint").unlink()
    if text is not None:
        (run / "checkpoint").write_text(text)
    assert checkpoints.recover(str(run)) == 6
    assert tf.train.latest_checkpoint(str(run)) == str(run / "ckpt-6")


def test_steps(trained, tmp_path):
    context, segment = trained
    directory = context.directory(segment.path)
    assert checkpoints.recover(directory) == 6
    assert checkpoints.oldest_step(directory) == 3
    assert checkpoints.newest(directory) == f"{directory}/ckpt-6"
    empty = str(tmp_path)
    assert (checkpoints.recover(empty), checkpoints.oldest_step(empty)) == (0, 0)
    assert checkpoints.newest(empty) is None
    assert checkpoints.recover(str(tmp_path / "nowhere")) == 0


def test_leftovers_of_killed_saves_are_removed(trained, tmp_path):
    context, segment = trained
    run = tmp_path / "run"
    shutil.copytree(context.directory(segment.path), run)
    before = {path.name for path in run.iterdir()}
    (run / "ckpt-9_temp").mkdir()
    (run / "ckpt-9_temp" / "part-00000-of-00001.data-00000-of-00001").write_bytes(b"half")
    (run / "ckpt-9.data-00000-of-00001.tempstate123").write_bytes(b"half")
    (run / "ckpt-12.index.tempstate77").write_bytes(b"")
    assert checkpoints.recover(str(run)) == 6
    assert {path.name for path in run.iterdir()} == before


def test_save_that_fails_leaves_nothing(tmp_path, monkeypatch):
    step = tf.Variable(4, dtype=tf.int64)
    saved = tf.train.Checkpoint(module=_module(1.0))

    def fail(prefix, options=None):
        (tmp_path / "ckpt-4_temp").mkdir()
        raise OSError(28, "No space left on device", prefix)

    monkeypatch.setattr(saved, "_write", fail)
    manager = checkpoints.Manager(saved, str(tmp_path), step=step, every_steps=2)
    with pytest.raises(OSError, match="No space"):
        manager.save(checkpoint_number=4)
    assert list(tmp_path.iterdir()) == []


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
