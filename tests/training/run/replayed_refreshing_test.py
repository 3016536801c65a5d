# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A run with a refresher beside it is repeated from its log of swaps, to the last bit."""

import contextlib
import json
import pathlib
import threading
import time

import pytest
import tensorflow as tf
from tensorflow.python.framework import config as tf_config

from realm_tf import config, types
from realm_tf.data.examples import masked_batches
from realm_tf.retrieval import snapshots
from realm_tf.training.experiments import ict, pretrain, warmup
from realm_tf.training.run import refresh_service, replayed_refreshing
from tests.training import changed_runs, runs

_DROPOUT = (
    *("model.embedder.dropout=0.2", "model.embedder.encoder.dropout=0.2"),
    *("model.embedder.encoder.attention_dropout=0.2", "model.reader.encoder.dropout=0.2"),
    "model.reader.encoder.attention_dropout=0.2",
)
_ASYNC = (
    *_DROPOUT,
    "pretrain.refresh.mode=async",
    "pretrain.refresh.every_steps=2",
    "pretrain.refresh.poll_secs=0.02",
    "pretrain.refresh.on_stale=wait",  # so that a short run has several swaps
    "pretrain.refresh.max_staleness_steps=3",
    "pretrain.checkpoint_every_steps=3",
    "runtime.prefetch_batches=1",
    "pretrain.steps=9",
)


class Killed(BaseException):
    """What no handler of errors catches."""


@pytest.fixture
def deterministic(monkeypatch):
    monkeypatch.setattr(refresh_service, "_IDLE_SECS", 0.02)
    tf.config.experimental.enable_op_determinism()
    yield
    tf_config.disable_op_determinism()


def _context(root, *overrides):
    return runs.make_context(root, runs.make_config(*_ASYNC, *overrides))


def _train(context):
    system = pretrain.train(
        context,
        embedder_weights=ict.random_embedder(context),
        reader_weights=warmup.train(context),
        make_vectors=runs.make_vectors(context),
    )
    return runs.saved_values(system.embedder_weights, system.reader_weights)


@contextlib.contextmanager
def _refresher(context, delay=0.0):
    job = runs.make_vectors(context)

    def embed(*inputs):
        time.sleep(delay)
        return job(*inputs)

    service = refresh_service.RefreshService(context.training_dir, lambda _: embed)
    thread = threading.Thread(target=service.watch, daemon=True)
    thread.start()
    yield
    thread.join(60)
    assert not thread.is_alive()


def _swaps(context):
    (path,) = pathlib.Path(context.training_dir).glob("pretrain-*/swaps.json")
    entries = json.loads(path.read_text())
    return path, [(e["batch_index"], e["snapshot_step"]) for e in entries]


@pytest.mark.slow
def test_replay_equals_its_run_to_the_last_bit(tmp_path, monkeypatch, deterministic):
    original = _context(tmp_path / "original")
    with _refresher(original, delay=0.2):
        expected = _train(original)
    log, swaps = _swaps(original)
    assert len(swaps) >= 3
    replay = f"pretrain.refresh.replay_swaps={log}"

    # The trainer makes the snapshots itself.
    sync = _context(tmp_path / "sync", replay, "pretrain.refresh.mode=sync")
    runs.require_equal(_train(sync), expected)
    assert _swaps(sync)[1] == swaps

    # A refresher that is far slower than before makes them.
    slow = _context(tmp_path / "slow", replay, "pretrain.refresh.on_stale=warn")
    with _refresher(slow, delay=1.0):
        runs.require_equal(_train(slow), expected)
    assert _swaps(slow)[1] == swaps

    # Killed after a checkpoint, and continued.
    make_batch, asked = masked_batches.MaskedBatches.make_batch, []

    def kill(self, index, *args, **kwargs):
        asked.append(index)
        if index == 5 and asked.count(5) == 1:
            raise Killed
        return make_batch(self, index, *args, **kwargs)

    for mode in ("sync", "async"):
        killed = _context(tmp_path / f"killed-{mode}", replay, f"pretrain.refresh.mode={mode}")
        asked.clear()
        monkeypatch.setattr(masked_batches.MaskedBatches, "make_batch", kill)
        beside = _refresher(killed) if mode == "async" else contextlib.nullcontext()
        with beside:
            with pytest.raises(Killed):
                _train(killed)
            runs.require_equal(_train(killed), expected)
        assert asked.count(5) >= 2
        assert _swaps(killed)[1] == swaps


@pytest.mark.slow
def test_replay_of_a_run_whose_documents_were_changed(tmp_path, monkeypatch, deterministic):
    """It has the documents of its run, and their order in the run's own index."""
    with monkeypatch.context() as patched:
        run = changed_runs.ChangedRun(tmp_path / "original", patched)
        system = run.train()
    expected = runs.saved_values(system.embedder_weights, system.reader_weights)
    polls = "pretrain.refresh.poll_secs=0.02"
    replay = (*changed_runs.SYNC, polls, f"pretrain.refresh.replay_swaps={run.log}")

    def replayed(name, mode, *, train=_train):
        config = runs.make_config(*replay, f"pretrain.refresh.mode={mode}")
        context = runs.make_context(tmp_path / name, config)
        beside = _refresher(context) if mode == "async" else contextlib.nullcontext()
        with beside:
            runs.require_equal(train(context), expected)
        (log,) = pathlib.Path(context.training_dir).glob("pretrain-*/swaps.json")
        assert changed_runs.swaps_of(log) == changed_runs.SWAPS
        newest = snapshots.newest(str(log.parent / "snapshots"))
        assert (newest.step, newest.revision) == (
            9,
            5,
        )  # they are carried to the end, as in the run

    def killed(context):
        make_batch, asked = masked_batches.MaskedBatches.make_batch, []

        def kill(self, index, *args, **kwargs):
            asked.append(index)
            if index == 7 and asked.count(7) == 1:
                raise Killed
            return make_batch(self, index, *args, **kwargs)

        monkeypatch.setattr(masked_batches.MaskedBatches, "make_batch", kill)
        with pytest.raises(Killed):
            _train(context)
        return _train(context)

    replayed("sync", "sync")
    replayed("async", "async")
    replayed("killed", "sync", train=killed)


def _log(path, *swaps):
    names = ("batch_index", "snapshot_step", "decided_at")
    path.write_text(json.dumps([dict(zip(names, swap, strict=True)) for swap in swaps]))
    return str(path)


def test_recipe_is_what_is_used_and_not_when_it_was_decided(tmp_path):
    log = _log(tmp_path / "a.json", (0, 0, 0), (5, 2, 3))
    same = _log(tmp_path / "b.json", (0, 0, 0), (5, 2, 4))
    other = _log(tmp_path / "c.json", (0, 0, 0), (6, 2, 4))
    first, second, third = (
        replayed_refreshing.recipe(config.RefreshConfig(replay_swaps=path))
        for path in (log, same, other)
    )
    assert first == second != third
    assert replayed_refreshing.recipe(config.RefreshConfig()) == {}


@pytest.mark.parametrize(
    ("swaps", "message"),
    [
        ([(0, 7, 0)], "begins with the snapshot of step 7 at batch 0"),
        ([(0, 0, 0), (5, 2, 3), (4, 3, 3)], "its swaps are not in order"),
        ([(0, 0, 0), (5, 2, 3), (6, 2, 5)], "its swaps are not in order"),
        ([], "it holds no swaps. Give the swaps.json of a joint training"),
    ],
)
def test_log_that_is_none_is_refused(tmp_path, swaps, message):
    with pytest.raises(types.UserError, match=message):
        replayed_refreshing.read(_log(tmp_path / "swaps.json", *swaps))


def test_snapshot_that_would_come_too_late_is_refused(tmp_path):
    log = _log(tmp_path / "swaps.json", (0, 0, 0), (5, 4, 4))
    context = _context(
        tmp_path,
        f"pretrain.refresh.replay_swaps={log}",
        "pretrain.refresh.mode=sync",
        "runtime.prefetch_batches=2",
    )
    with pytest.raises(types.UserError, match=r"prefetch_batches=2: batch 5 .* step 4"):
        _train(context)


def test_replay_in_the_mode_off_is_refused(tmp_path):
    log = _log(tmp_path / "swaps.json", (0, 0, 0))
    with pytest.raises(types.UserError, match="replay_swaps needs the mode sync or async"):
        config.RefreshConfig(mode="off", replay_swaps=log)
