# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A run that is killed goes on to the weights that it would have had."""

import dataclasses
import os
import signal

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import config, types
from realm_tf.data.examples import ict_batches
from realm_tf.models import embedder
from realm_tf.training.engine import checkpoints, loop, preemption, strategies, task
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
        records=batches.records,
        seed=0,
        runtime=cfg.runtime,
        checkpoint_every_steps=3,
        host_every=(1,),
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


def test_training_returns_to_the_host_where_an_interval_ends(context, tmp_path):
    seen = []

    def make_actions(fitted):
        return [lambda _: seen.append(int(fitted.global_step.numpy()))]

    changes = {"steps": 12, "checkpoint_every_steps": 5, "host_every": (7, 11)}
    loop.fit(_run(context, tmp_path, make_actions=make_actions, **changes))
    assert seen == [5, 7, 10, 11, 12]


@pytest.mark.parametrize(
    "killed_at", [5, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 4))]
)
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


def _terminating(make_batch, index):
    """Batches in whose making the process is asked to end, once."""
    asked = []

    def make(number):
        if number == index and not asked:
            asked.append(number)
            os.kill(os.getpid(), signal.SIGTERM)
        return make_batch(number)

    return make


@pytest.mark.parametrize("index", [3, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 4))])
def test_sigterm_saves_at_the_next_step(context, tmp_path, index):
    whole = _run(context, tmp_path / "whole")
    loop.fit(whole)
    before = signal.getsignal(signal.SIGTERM)
    ended = _run(context, tmp_path / "parts", host_every=(3,))
    ended = dataclasses.replace(ended, make_batch=_terminating(ended.make_batch, index))
    with pytest.raises(types.Terminated, match=r"of ict is saved in .* goes on there") as told:
        loop.fit(ended)
    assert signal.getsignal(signal.SIGTERM) is before
    step = checkpoints.recover(str(tmp_path / "parts"))
    assert 0 <= step <= index + 1
    assert f"Step {step} of ict" in str(told.value)
    starts, loops = [], []
    resumed = _run(
        context,
        tmp_path / "parts",
        weights_seed=9,
        on_start=starts.append,
        host_every=(3,),
        make_actions=lambda fitted: [lambda _: loops.append(int(fitted.global_step.numpy()))],
    )
    loop.fit(resumed)
    assert starts == [step]
    assert loops == [end for end in (3, 6) if end > step]  # as if it had never been ended
    assert _same(resumed, whole)


def _on_device(context, directory, **changes) -> loop.Run:
    runtime = dataclasses.replace(context.config.runtime, device_loop=True)
    static = ict.IctTask(task.task_config(), **task.options(runtime))
    return _run(context, directory, task=static, runtime=runtime, host_every=(3,), **changes)


def test_loop_on_the_device_ends_before_sigterm_is_obeyed(context, tmp_path):
    whole = _on_device(context, tmp_path / "whole")
    loop.fit(whole)
    ended = _on_device(context, tmp_path / "parts")
    ended = dataclasses.replace(ended, make_batch=_terminating(ended.make_batch, 1))
    with pytest.raises(types.Terminated, match="Step 3 of ict is saved in"):
        loop.fit(ended)
    starts = []
    resumed = _on_device(context, tmp_path / "parts", weights_seed=9, on_start=starts.append)
    loop.fit(resumed)
    assert starts == [3]
    assert _same(resumed, whole)


def test_second_sigterm_does_what_it_did_before():
    handled = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: handled.append(number))
    try:
        with preemption.at_next_step() as check:
            check()
            signal.raise_signal(signal.SIGTERM)
            assert handled == []
            signal.raise_signal(signal.SIGTERM)
            assert handled == [signal.SIGTERM]
            with pytest.raises(preemption.Requested):
                check()
    finally:
        signal.signal(signal.SIGTERM, before)


def test_sigterm_behind_the_last_step_is_not_forgotten():
    handled = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: handled.append(number))
    try:
        with preemption.at_next_step():
            signal.raise_signal(signal.SIGTERM)
            assert handled == []
        assert handled == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_ignored_sigterm_stays_ignored():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with preemption.at_next_step() as check:
            signal.raise_signal(signal.SIGTERM)
            check()
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(("best_by", "expected"), [("figure", 4), (None, 6)])
def test_best_weights_are_what_a_run_ends_with(context, tmp_path, best_by, expected):
    figures, seen = {2: 0.1, 4: 0.7, 6: 0.7}, {}

    def measure(step):
        seen[step] = chosen.model.get_weights()
        return {"figure": figures[step]}

    chosen = _run(context, tmp_path, checkpoint_every_steps=2, measure=measure, best_by=best_by)
    fitted = loop.fit(chosen)
    assert seen.keys() == figures.keys()
    assert (fitted.kept.step if fitted.kept else 6) == expected
    for left, right in zip(chosen.model.get_weights(), seen[expected], strict=True):
        np.testing.assert_array_equal(left, right)


def test_last_step_is_measured_too(context, tmp_path):
    steps = []

    def measure(step):
        steps.append(step)
        return {"figure": step}

    run = _run(context, tmp_path, steps=5, checkpoint_every_steps=2, measure=measure)
    fitted = loop.fit(dataclasses.replace(run, best_by="figure"))
    assert steps == [2, 4, 5]
    assert fitted.kept.step == 5


def test_tpu_where_there_is_none_is_one_line():
    with pytest.raises(types.UserError, match="there is no TPU 'local'") as told:
        strategies.make_strategy(config.RuntimeConfig(strategy="tpu"))
    assert "\n" not in str(told.value)


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
    loop.fit(
        _run(context, tmp_path, steps=40, make_actions=lambda _: [logs.append], host_every=(10,))
    )
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
