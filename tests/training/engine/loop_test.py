# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A run that is killed goes on to the weights that it would have had."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import config, types
from realm_tf.data.examples import ict_batches
from realm_tf.models import embedder
from realm_tf.training.engine import loop, strategies, task
from realm_tf.training.experiments import ict, warmup
from tests.models import tiny
from tests.training import runs


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    return runs.make_context(tmp_path_factory.mktemp("loop"))


class Killed(BaseException):
    """What no handler of errors catches."""


def _run(context, directory, *, weights_seed=0, **changes) -> loop.Run:
    cfg = context.config
    model = embedder.Embedder(cfg.model.embedder, context.tokenizer.vocab_size).build_weights()
    tiny.randomise(model, stddev=0.1, seed=weights_seed)
    batches = ict_batches.IctBatches(
        context.knowledge, context.tokenizer, cfg.ict, block_length=40, seed=0
    )
    base = loop.Run(
        name="ict",
        directory=str(directory),
        task=ict.IctTask(task.task_config()),
        model=model,
        optimizer_config=config.OptimizerConfig(learning_rate=0.01, warmup_steps=1),
        steps=6,
        make_batch=batches.make_batch,
        seed=0,
        runtime=cfg.runtime,
        checkpoint_every_steps=3,
        loop_steps=1,
    )
    return dataclasses.replace(base, **changes)


def _at(step, error):
    """Actions that raise at a step."""

    def make_actions(fitted):
        def act(logs):
            if int(fitted.global_step.numpy()) == step:
                raise error

        return [act]

    return make_actions


def _same(left, right):
    pairs = zip(left.model.get_weights(), right.model.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("killed_at", [2, 4, 5])
def test_killed_run_ends_with_the_weights_of_one_in_one_go(context, tmp_path, killed_at):
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        whole = _run(context, tmp_path / "whole")
        loop.fit(whole)
        with pytest.raises(Killed):
            loop.fit(_run(context, tmp_path / "parts", make_actions=_at(killed_at, Killed())))
        starts = []
        resumed = _run(context, tmp_path / "parts", weights_seed=9, on_start=starts.append)
        assert not _same(resumed, whole)
        fitted = loop.fit(resumed)
    assert starts == [1 if killed_at <= 4 else 4]  # the first loop is checkpointed, then every 3
    assert int(fitted.global_step.numpy()) == 6
    assert _same(resumed, whole)


def test_finished_run_is_restored_and_not_trained(context, tmp_path):
    finished = _run(context, tmp_path)
    loop.fit(finished)

    def refuse(index):
        raise AssertionError(f"batch {index} was asked for")

    again = _run(context, tmp_path, weights_seed=9, make_batch=refuse)
    loop.fit(again)
    assert _same(again, finished)


def test_stop_training_ends_early_with_a_checkpoint(context, tmp_path):
    stopped = _run(context, tmp_path, make_actions=_at(2, loop.StopTraining()))
    assert int(loop.fit(stopped).global_step.numpy()) == 2
    starts = []
    again = _run(
        context, tmp_path, weights_seed=9, steps=2, make_batch=None, on_start=starts.append
    )
    loop.fit(again)
    assert starts == [2]
    assert _same(again, stopped)


def test_error_in_a_batch_ends_the_run(context, tmp_path):
    def make_batch(index):
        raise types.UserError("no such block")

    with pytest.raises(types.UserError, match="no such block"):
        loop.fit(_run(context, tmp_path, make_batch=make_batch))


def test_libraries_print_into_the_runs_log(context, tmp_path, capsys):
    loop.fit(_run(context, tmp_path, steps=2))
    assert capsys.readouterr().out == ""
    assert "train | step" in (tmp_path / "orbit.log").read_text()


def test_training_learns(context, tmp_path):
    logs = []
    loop.fit(_run(context, tmp_path, steps=40, make_actions=lambda _: [logs.append], loop_steps=10))
    losses = [float(entry["training_loss"]) for entry in logs]
    assert losses[-1] < losses[0]


def test_ict_weights_are_a_segment_that_is_made_once(context):
    made = ict.train(context)
    assert made.counts["steps"] == 6
    assert 0 <= made.counts["accuracy"] <= 1
    assert ict.train(context) == made
    start = ict.random_embedder(context)
    assert start.fingerprint != made.fingerprint
    assert ict.random_embedder(context) == start


@pytest.mark.parametrize(
    ("name", "kind"),
    [("one_device", tf.distribute.OneDeviceStrategy), ("mirrored", tf.distribute.MirroredStrategy)],
)
def test_strategies(two_logical_devices, name, kind):
    made = strategies.make_strategy(config.RuntimeConfig(strategy=name))
    assert isinstance(made, kind)
    assert made.num_replicas_in_sync == (2 if name == "mirrored" else 1)


def test_stages_under_replicas_follow_each_other(two_logical_devices, tmp_path):
    """Their strategies are one: two on the same devices mix up their collectives."""
    override = "runtime.strategy=mirrored"
    context = runs.make_context(tmp_path, runs.make_config(override, "pretrain.warmup.max_steps=2"))
    assert warmup.train(context).counts["steps"] == 2
    assert ict.train(context).counts["steps"] == 6
