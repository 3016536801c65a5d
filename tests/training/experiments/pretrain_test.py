# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Joint training: refreshes while it runs, and a killed run ends as one in one go."""

import shutil

import numpy as np
import pytest

from realm_tf import types
from realm_tf.models import embedder, weights
from realm_tf.models.inference import embedder_export
from realm_tf.retrieval import reading
from realm_tf.training.experiments import ict, masked_evaluation, pretrain, warmup
from realm_tf.training.run import refresh
from tests.training import runs


class Killed(BaseException):
    """What no handler of errors catches."""


# A snapshot every step and few of them kept, while checkpoints are far apart.
OFTEN = (
    "pretrain.refresh.every_steps=1",
    "pretrain.refresh.keep_snapshots=1",
    "runtime.prefetch_batches=1",
    "pretrain.steps=5",
)


def _train(root, *overrides, embed=lambda job, *inputs: job(*inputs)):
    context = runs.make_context(root, runs.make_config(*overrides))
    job = runs.make_vectors(context)
    system = pretrain.train(
        context,
        embedder_weights=ict.random_embedder(context),
        reader_weights=warmup.train(context),
        make_vectors=lambda *inputs: embed(job, *inputs),
    )
    return context, system


def _vectors(context, system):
    model = embedder.Embedder(context.config.model.embedder, context.tokenizer.vocab_size)
    weights.restore(model.build_weights(), system.embedder_weights)
    return model.get_weights()


@pytest.mark.slow
def test_killed_run_ends_with_the_weights_of_one_in_one_go(tmp_path):
    context, whole = _train(tmp_path / "whole", *OFTEN)

    def kill(job, exported, root):
        if exported.settings["step"] == 4:  # the newest checkpoint is of step 1
            raise Killed
        return job(exported, root)

    with pytest.raises(Killed):
        _train(tmp_path / "parts", *OFTEN, embed=kill)
    _, resumed = _train(tmp_path / "parts", *OFTEN)
    assert resumed.embedder_weights.fingerprint != ict.random_embedder(context).fingerprint
    assert resumed.snapshot.step == whole.snapshot.step == 5
    pairs = zip(_vectors(context, resumed), _vectors(context, whole), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


def test_snapshots_are_taken_up_and_the_result_is_made_once(tmp_path):
    overrides = ("pretrain.refresh.every_steps=2", "pretrain.steps=4")
    in_use = {}

    def watched(job, exported, root):
        for directory in tmp_path.glob("training/pretrain-*/snapshots"):
            in_use[exported.settings["step"]] = set(reading.in_use(str(directory)))
        return job(exported, root)

    context, system = _train(tmp_path, *overrides, embed=watched)
    assert in_use == {2: {(0, 0)}, 4: set()}
    assert reading.in_use(system.snapshot.directory) == {}
    assert (system.name, system.snapshot.step) == ("realm", 4)
    figures = masked_evaluation.evaluate(context, system)
    assert figures.keys() == {*pretrain.PretrainTask.metric_names} - {"staleness_steps"}
    assert all(np.isfinite(value) for value in figures.values())

    def refuse(job, exported, root):
        raise AssertionError("embedded again")

    _, again = _train(tmp_path, *overrides, embed=refuse)
    assert again.made_from() == system.made_from()


def _fail_after_the_first(job, exported, root):
    if exported.settings["step"] == 2:
        raise types.UserError("no more disk")
    return job(exported, root)


def test_failed_refresh_leaves_training_on_its_snapshot(tmp_path, caplog):
    overrides = ("pretrain.refresh.every_steps=2", "pretrain.steps=3")
    _, system = _train(tmp_path, *overrides, embed=_fail_after_the_first)
    assert system.snapshot.step == 3
    assert "refresh at step 2 failed (no more disk); the index is 2 steps old" in caplog.text


def test_pipeline_that_fails_is_logged_with_its_traceback(tmp_path, caplog):
    def fail(job, exported, root):
        if exported.settings["step"] == 2:
            raise refresh.EmbeddingError("a worker is gone") from RuntimeError("lost")
        return job(exported, root)

    overrides = ("pretrain.refresh.every_steps=2", "pretrain.steps=3")
    _, system = _train(tmp_path, *overrides, embed=fail)
    assert system.snapshot.step == 3
    assert "refresh at step 2 failed (a worker is gone)" in caplog.text
    assert "RuntimeError: lost" in caplog.text


@pytest.mark.parametrize(
    "error",
    [TypeError, *(pytest.param(e, marks=pytest.mark.slow) for e in (KeyError, AttributeError))],
)
def test_own_errors_are_not_taken_for_a_failed_refresh(tmp_path, error):
    def fail(job, exported, root):
        if exported.settings["step"] == 2:
            raise error("a mistake of ours")
        return job(exported, root)

    with pytest.raises(error, match="a mistake of ours"):
        _train(tmp_path, "pretrain.refresh.every_steps=2", "pretrain.steps=3", embed=fail)


BUDGET = (
    "pretrain.refresh.every_steps=2",
    "runtime.prefetch_batches=1",
    "pretrain.refresh.max_staleness_steps=2",
    "pretrain.steps=6",
)


def test_staleness_over_budget_stops_and_names_the_failure(tmp_path):
    stop = (*BUDGET, "pretrain.refresh.on_stale=stop")
    message = r"3 steps old, over its budget of 2; refresh at step 2 failed \(no more disk\)"
    with pytest.raises(types.UserError, match=message):
        _train(tmp_path, *stop, embed=_fail_after_the_first)


def test_staleness_is_looked_at_though_no_refresh_failed(tmp_path):
    stop = ("pretrain.refresh.mode=off", "pretrain.refresh.on_stale=stop", *BUDGET)
    with pytest.raises(types.UserError, match="3 steps old, over its budget of 2"):
        _train(tmp_path, *stop)


def test_staleness_over_budget_is_a_warning_for_each_snapshot(tmp_path, caplog):
    warn = ("pretrain.refresh.mode=off", *BUDGET)
    _, system = _train(tmp_path, *warn)
    assert caplog.text.count("over its budget of 2; training goes on") == 1
    assert system.history["staleness_steps_max"] == 5
    assert system.history["staleness_steps_mean"] == 2.5


def test_trainer_waits_for_a_snapshot_within_the_budget(tmp_path, caplog):
    failed = []

    def fail_once(job, exported, root):
        if exported.settings["step"] == 2 and not failed:
            failed.append(2)
            raise OSError("the filesystem does not answer")
        return job(exported, root)

    wait = (*BUDGET, "pretrain.refresh.on_stale=wait")
    _, system = _train(tmp_path, *wait, embed=fail_once)
    assert failed
    assert "over its budget of 2; refresh at step 2 failed" in caplog.text
    assert system.history["staleness_steps_max"] <= 2


def test_staleness_of_synchronous_refreshes(tmp_path):
    _, system = _train(tmp_path, *BUDGET)
    assert system.history["staleness_steps_max"] == 2
    assert system.history["staleness_steps_mean"] == pytest.approx((0 + 1 + 2 + 1 + 2 + 1) / 6)
    assert 0 <= system.history["staleness_minutes_mean"] < 10


def test_first_snapshot_is_used_to_the_end_without_refresh(tmp_path):
    steps = []

    def embed(job, exported, root):
        steps.append(exported.settings["step"])
        return job(exported, root)

    _train(tmp_path, "pretrain.refresh.mode=off", "pretrain.refresh.every_steps=1", embed=embed)
    assert sorted(set(steps)) == [0, 6]


@pytest.mark.slow
def test_joint_training_under_mirrored_equals_one_device(tmp_path):
    often = ("pretrain.refresh.every_steps=2", "pretrain.steps=5")
    context, one = _train(tmp_path / "one", *often)
    _, mirrored = _train(tmp_path / "mirrored", *often, "runtime.strategy=mirrored")
    pairs = zip(_vectors(context, one), _vectors(context, mirrored), strict=True)
    assert all(np.allclose(a, b, atol=1e-6) for a, b in pairs)


def test_old_exports_and_snapshots_are_deleted(tmp_path):
    _train(tmp_path, *OFTEN)
    (directory,) = (tmp_path / "training").glob("pretrain-*")
    snapshots = {path.stem for path in directory.glob("snapshots/step-*.json")}
    exports = {path.stem for path in directory.glob("exports/*")}
    assert exports == snapshots - {"step-000000000", "step-000000005"}
    assert len(exports) < 4


@pytest.mark.slow
def test_weights_that_are_trained_again_are_exported_again(tmp_path):
    context, first = _train(tmp_path, "pretrain.steps=2")
    for segment in (first.embedder_weights, first.reader_weights):
        shutil.rmtree(segment.path)
    (directory,) = (tmp_path / "training").glob("pretrain-*")
    for path in directory.glob("ckpt-*"):
        path.unlink()
    (directory / "checkpoint").unlink()
    model = embedder.Embedder(context.config.model.embedder, context.tokenizer.vocab_size)
    weights.restore(model.build_weights(), ict.random_embedder(context))
    _, again = _train(tmp_path, "pretrain.steps=2")
    made_from = again.snapshot.segment("embedder").made_from
    weights.restore(model, again.embedder_weights)
    assert made_from["weights"] == embedder_export.weights_digest(model)
