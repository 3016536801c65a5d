# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Joint training: refreshes while it runs, and a killed run ends as one in one go."""

import numpy as np
import pytest

from realm_tf import types
from realm_tf.models import embedder, weights
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


def _train(root, *overrides, embed=lambda job, embedder: job(embedder)):
    context = runs.make_context(root, runs.make_config(*overrides))
    job = runs.make_vectors(context)
    system = pretrain.train(
        context,
        embedder_weights=ict.random_embedder(context),
        reader_weights=warmup.train(context),
        make_vectors=lambda exported: embed(job, exported),
    )
    return context, system


def _vectors(context, system):
    model = embedder.Embedder(context.config.model.embedder, context.tokenizer.vocab_size)
    weights.restore(model.build_weights(), system.embedder_weights)
    return model.get_weights()


@pytest.mark.slow
def test_killed_run_ends_with_the_weights_of_one_in_one_go(tmp_path):
    context, whole = _train(tmp_path / "whole", *OFTEN)

    def kill(job, exported):
        if exported.settings["step"] == 4:  # the newest checkpoint is of step 1
            raise Killed
        return job(exported)

    with pytest.raises(Killed):
        _train(tmp_path / "parts", *OFTEN, embed=kill)
    _, resumed = _train(tmp_path / "parts", *OFTEN)
    assert resumed.embedder_weights.fingerprint != ict.random_embedder(context).fingerprint
    assert resumed.snapshot.step == whole.snapshot.step == 5
    pairs = zip(_vectors(context, resumed), _vectors(context, whole), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


def test_snapshots_are_taken_up_and_the_result_is_made_once(tmp_path):
    overrides = ("pretrain.refresh.every_steps=2", "pretrain.steps=4")
    context, system = _train(tmp_path, *overrides)
    assert (system.name, system.snapshot.step) == ("realm", 4)
    figures = masked_evaluation.evaluate(context, system)
    assert figures.keys() == {*pretrain.PretrainTask.metric_names} - {"staleness_steps"}
    assert all(np.isfinite(value) for value in figures.values())

    def refuse(job, exported):
        raise AssertionError("embedded again")

    _, again = _train(tmp_path, *overrides, embed=refuse)
    assert again.made_from() == system.made_from()


def _fail_after_the_first(job, exported):
    if exported.settings["step"] == 2:
        raise types.UserError("no more disk")
    return job(exported)


def test_failed_refresh_leaves_training_on_its_snapshot(tmp_path, caplog):
    overrides = ("pretrain.refresh.every_steps=2", "pretrain.steps=3")
    _, system = _train(tmp_path, *overrides, embed=_fail_after_the_first)
    assert system.snapshot.step == 3
    assert "refresh at step 2 failed (no more disk); the index is 2 steps old" in caplog.text


def test_pipeline_that_fails_is_logged_with_its_traceback(tmp_path, caplog):
    def fail(job, exported):
        if exported.settings["step"] == 2:
            raise refresh.EmbeddingError("a worker is gone") from RuntimeError("lost")
        return job(exported)

    overrides = ("pretrain.refresh.every_steps=2", "pretrain.steps=3")
    _, system = _train(tmp_path, *overrides, embed=fail)
    assert system.snapshot.step == 3
    assert "refresh at step 2 failed (a worker is gone)" in caplog.text
    assert "RuntimeError: lost" in caplog.text


@pytest.mark.parametrize("error", [TypeError, KeyError, AttributeError])
def test_own_errors_are_not_taken_for_a_failed_refresh(tmp_path, error):
    def fail(job, exported):
        if exported.settings["step"] == 2:
            raise error("a mistake of ours")
        return job(exported)

    with pytest.raises(error, match="a mistake of ours"):
        _train(tmp_path, "pretrain.refresh.every_steps=2", "pretrain.steps=3", embed=fail)


def test_staleness_over_budget_stops(tmp_path):
    overrides = (
        "pretrain.refresh.every_steps=2",
        "pretrain.steps=3",
        "pretrain.refresh.max_staleness_steps=1",
        "pretrain.refresh.on_stale=stop",
    )
    with pytest.raises(types.UserError, match="2 steps old, over its budget of 1"):
        _train(tmp_path, *overrides, embed=_fail_after_the_first)
