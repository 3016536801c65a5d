# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Refresh beside the trainer: exports become snapshots that the trainer takes up by itself."""

import contextlib
import json
import logging
import os
import shutil
import threading
import time

import pytest

from realm_tf import artifacts, types
from realm_tf.commands.documents import change, target
from realm_tf.retrieval import retriever, snapshots, view
from realm_tf.training.experiments import ict, pretrain, warmup
from realm_tf.training.run import (
    async_refreshing,
    refresh,
    refresh_files,
    refresh_job,
    refresh_service,
)
from tests.training import runs

# The trainer waits for each snapshot, so that a short run has several.
ASYNC = (
    "pretrain.refresh.mode=async",
    "pretrain.refresh.every_steps=2",
    "pretrain.refresh.poll_secs=0.02",
    "pretrain.refresh.on_stale=wait",
    "pretrain.refresh.max_staleness_steps=3",
    "runtime.prefetch_batches=1",
    "pretrain.steps=9",
)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(refresh_service, "_IDLE_SECS", 0.02)
    monkeypatch.setattr(refresh_service, "_FIRST_PAUSE_SECS", 0.02)


def _train(context):
    return pretrain.train(
        context,
        embedder_weights=ict.random_embedder(context),
        reader_weights=warmup.train(context),
        make_vectors=runs.make_vectors(context),
    )


def _service(context, training_dir=None, embed=lambda job, *inputs: job(*inputs)):
    job = runs.make_vectors(context)
    return refresh_service.RefreshService(
        training_dir or context.training_dir, lambda _: lambda *inputs: embed(job, *inputs)
    )


@contextlib.contextmanager
def _refresher(context, **kwargs):
    thread = threading.Thread(target=_service(context, **kwargs).watch, daemon=True)
    thread.start()
    yield
    thread.join(60)
    assert not thread.is_alive()


def _directory(context):
    return refresh_job.read(context.training_dir).directory


def _swaps(context):
    return [
        swap["snapshot_step"] for swap in artifacts.read_json(f"{_directory(context)}/swaps.json")
    ]


def test_snapshots_are_made_beside_the_trainer_and_taken_up(tmp_path, caplog, monkeypatch):
    opened, open_snapshot = [], retriever.Retriever.open

    def open_once(snapshot):
        opened.append(snapshot.step)
        time.sleep(0.2)  # while the trainer takes batches
        return open_snapshot(snapshot)

    monkeypatch.setattr(retriever.Retriever, "open", open_once)
    context = runs.make_context(tmp_path, runs.make_config(*ASYNC))
    with caplog.at_level(logging.INFO), _refresher(context):
        system = _train(context)
    swaps = _swaps(context)
    assert len(swaps) >= 3
    assert swaps == sorted(set(swaps))
    assert len(opened) == len(set(opened))
    assert set(opened) >= set(swaps)
    assert system.snapshot.step == 9
    assert system.history["staleness_steps_max"] <= 3
    assert "waits for joint training with pretrain.refresh.mode=async to start" in caplog.text
    assert "joint training has ended" in caplog.text
    files = refresh_files.RefreshFiles(_directory(context))
    assert set(files.published()) >= {0, swaps[-1]}
    for step in snapshots.list_steps(files.snapshot_dir):
        snapshots.load(files.snapshot_dir, step)
    assert set(files.exports()) == set(files.published()) - {0}


def test_changed_documents_are_taken_up_and_carried_beside_the_trainer(tmp_path, monkeypatch):
    context = runs.make_context(tmp_path, runs.make_config(*ASYNC))
    before, changed = async_refreshing.AsyncRefreshing.before_batch, []

    def change_first(refreshing, index, count=1):
        if index == 3 and not changed:
            directory = refreshing._files.snapshot_dir
            opened = target.opened(None, directory, vocab=context.vocab.path)
            change.change(opened, change.Request("delete", doc_ids=("doc2", "doc5")))
            changed.append(snapshots.list_versions(directory)[-1])
        before(refreshing, index, count)

    monkeypatch.setattr(async_refreshing.AsyncRefreshing, "before_batch", change_first)
    with _refresher(context):
        system = _train(context)
    swaps = artifacts.read_json(f"{_directory(context)}/swaps.json")
    revisions = [swap["revision"] for swap in swaps]
    assert revisions == sorted(revisions)
    assert revisions[-1] > 0
    assert all(swap["revision"] for swap in swaps if swap["snapshot_step"] > changed[0].step)
    newest = snapshots.newest(system.snapshot.directory)
    assert (newest.step, newest.revision > changed[0].revision) == (9, True)
    table = view.View(newest).table
    assert {"doc2", "doc5"}.isdisjoint(table.doc_id(row) for row in range(len(table)))


@pytest.mark.slow
def test_failed_refresh_is_told_to_the_trainer_and_tried_again(tmp_path, caplog):
    failed = []

    def fail_once(job, embedder, root):
        if not failed:
            failed.append(root)
            raise refresh.EmbeddingError("a worker is gone") from RuntimeError("lost")
        return job(embedder, root)

    context = runs.make_context(tmp_path, runs.make_config(*ASYNC))
    with _refresher(context, embed=fail_once):
        _train(context)
    assert failed
    assert "RuntimeError: lost" in caplog.text
    assert "failed (a worker is gone); it is tried again" in caplog.text
    assert "training goes on with it" in caplog.text
    assert len(_swaps(context)) >= 3


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A training that has exported twice, and stopped because nobody refreshes."""
    stop = ("pretrain.refresh.on_stale=stop", "pretrain.refresh.max_staleness_steps=5")
    root = tmp_path_factory.mktemp("stopped")
    context = runs.make_context(root, runs.make_config(*ASYNC, *stop))
    with pytest.raises(types.UserError, match="6 steps old, over its budget of 5"):
        _train(context)
    return root, context


class _Started:
    """A copy of that training, and its refreshers."""

    def __init__(self, stopped, root):
        shutil.copytree(stopped[0], root)
        self.context = stopped[1]
        self.training_dir = str(root / "training")

    def service(self, **kwargs):
        return _service(self.context, self.training_dir, **kwargs)

    @property
    def files(self):
        return refresh_files.RefreshFiles(refresh_job.read(self.training_dir).directory)


@pytest.fixture
def started(stopped, tmp_path):
    return _Started(stopped, tmp_path / "run")


def test_newest_export_is_first_and_overtaken_ones_are_skipped(started, caplog):
    with caplog.at_level(logging.INFO):
        started.service().once()
    files = started.files
    assert files.published() == [0, 4]
    assert list(files.exports()) == [4]
    assert "export of step 2 is skipped: that of step 4 has overtaken it" in caplog.text
    with caplog.at_level(logging.INFO):
        started.service().once()
    assert "waits for the trainer's next export; the newest snapshot is of step 4" in caplog.text


def test_second_refresher_does_not_do_the_same(started):
    with (
        artifacts.hold(refresh_files.refresher_directory(started.training_dir)),
        pytest.raises(types.UserError, match="refreshes this run"),
    ):
        started.service().once()
    assert started.files.published() == [0]


@pytest.mark.parametrize("error", [OSError("gone"), types.UserError("a vector is not finite")])
def test_failed_refresh_ends_the_command_and_says_why(started, error):
    def fail(job, embedder, root):
        raise error

    with pytest.raises(types.UserError, match=f"refresh at step 4 failed: {error}"):
        started.service(embed=fail).once()
    assert started.files.published() == [0]
    started.service().once()
    assert started.files.published() == [0, 4]


@pytest.mark.parametrize("error", [TypeError, KeyError])
def test_own_errors_are_not_taken_for_a_failed_refresh(started, error):
    def fail(job, embedder, root):
        raise error("a mistake of ours")

    with pytest.raises(error, match="a mistake of ours"):
        started.service(embed=fail).once()


def test_damaged_export_is_refused_and_named(started):
    files = started.files
    embedder = artifacts.open_segment(files.exports()[4].embedder)
    path = embedder.files("saved_model/variables")[0]
    with open(path, "r+b") as f:
        f.write(b"xyz")
    with pytest.raises(types.UserError, match="is damaged"):
        started.service().once()


def test_job_moves_with_its_run(started):
    job = refresh_job.read(started.training_dir)
    root = os.path.dirname(started.training_dir)
    assert all(path.startswith(root) for path in (job.blocks, job.vocab, *job.results))
    assert artifacts.is_complete(job.blocks)


@pytest.mark.parametrize("body", ["{}", "[]", json.dumps({"config": {}, "other": 1})])
def test_damaged_job_is_named(tmp_path, body):
    (tmp_path / "refresh.json").write_text(body)
    with pytest.raises(types.UserError, match=r"refresh\.json"):
        refresh_job.read(str(tmp_path))
