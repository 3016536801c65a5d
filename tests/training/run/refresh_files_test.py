# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What trainer and refresher tell each other by files, whatever is killed when."""

import contextlib
import datetime
import json
import os

import pytest

from realm_tf import artifacts, config, types
from realm_tf.retrieval import reading, snapshots
from realm_tf.training.run import carried_documents, refresh_files, swap_log
from tests.retrieval import segments

KEEP_ONE = config.RefreshConfig(keep_snapshots=1)


@pytest.fixture
def files(tmp_path):
    return refresh_files.RefreshFiles(str(tmp_path))


def _export(files, step, *, complete=True, name="embedder-1"):
    path = os.path.join(files.root(step), name)
    export = refresh_files.Export(step, path, 12.5)
    files.announce(export)
    if complete:
        writer = artifacts.SegmentWriter(
            path, kind="embedder", settings={"step": step}, made_from={}
        )
        writer.commit()
    return export


def _publish(files, step, embedder=None, created="", revision=0):
    """A manifest alone: who published it has looked at its parts."""
    parts = {role: snapshots.Part(f"/{role}", "0") for role in snapshots.PARTS}
    parts["embedder"] = snapshots.Part(embedder or "/embedder", "0")
    about = {"recall": {}, "parent": None, "created": created, "settings": {}}
    snapshots.publish(
        files.snapshot_dir, snapshots.Snapshot(step=step, revision=revision, **parts, **about)
    )


def test_exports_are_pending_once_they_are_whole(files):
    assert files.pending() == []
    first, _ = _export(files, 10), _export(files, 20, complete=False)
    assert files.pending() == [first]
    assert list(files.exports()) == [10, 20]
    third = _export(files, 30)
    assert files.pending() == [first, third]


def test_export_is_not_pending_once_there_is_a_newer_snapshot(files):
    first, second = _export(files, 10), _export(files, 20)
    _publish(files, 20, second.embedder)
    assert files.published() == [20]
    assert files.pending() == []
    third = _export(files, 30)
    assert files.pending() == [third]
    assert first.is_complete()


def test_snapshot_of_a_forgotten_export_does_not_count(files):
    old = _export(files, 20, name="embedder-old")
    files.rewind(10)
    _publish(files, 20, old.embedder)  # a refresher was still at work on it
    assert files.published() == []
    new = _export(files, 20, name="embedder-new")
    assert files.published() == []
    assert files.pending() == [new]


def test_rewind_forgets_what_was_made_later(files):
    for step in (10, 20):
        _publish(files, step, _export(files, step).embedder)
    _export(files, 30)
    files.rewind(10)
    assert list(files.exports()) == [10]
    assert files.published() == [10]
    assert os.path.isdir(files.root(20))  # what is exported again is found there


def test_revisions_count_with_their_step_and_by_their_documents(files):
    _publish(files, 0)
    _publish(files, 10, _export(files, 10).embedder)
    _publish(files, 10, _export(files, 10).embedder, revision=1)
    _publish(files, 20, _export(files, 20).embedder)
    assert files.versions() == [(0, 0), (10, 0), (20, 0), (10, 1)]
    _publish(files, 20, _export(files, 20).embedder, revision=2)
    assert files.versions()[-1] == (20, 2)
    assert files.published() == [0, 10, 20]


def test_rewind_keeps_the_newest_documents(files):
    for revision, step in enumerate((0, 10, 20, 30)):
        _publish(files, step, _export(files, step).embedder)
        if revision:
            _publish(files, step, _export(files, step).embedder, revision=revision)
    files.rewind(10)
    assert files.versions() == [(0, 0), (10, 0), (10, 1)]
    there = snapshots.list_versions(files.snapshot_dir)
    assert there == [(0, 0), (10, 0), (10, 1), (30, 3)]  # which no embedder is there for
    assert carried_documents.are_due(files.snapshot_dir, 10)
    assert not carried_documents.are_due(files.snapshot_dir, 30)


def test_collection_keeps_the_newest_documents_until_they_are_carried(files):
    for step in (10, 20, 30):
        _publish(files, step, _export(files, step).embedder)
    _publish(files, 10, _export(files, 10).embedder, revision=1)
    _swap(files, 10, 20, 30)
    _checkpoints(files, 35)
    files.collect(KEEP_ONE)
    assert _kept(files) == [10, 30]
    _publish(files, 30, _export(files, 30).embedder, revision=2)
    files.collect(KEEP_ONE)
    assert _kept(files) == [30]
    assert snapshots.list_versions(files.snapshot_dir) == [(30, 0), (30, 2)]


def _swap(files, *steps):
    log = swap_log.SwapLog(files.swaps)
    for step in steps:
        log.schedule(batch_index=step + 2, snapshot_step=step, decided_at=step)


def _checkpoints(files, *steps):
    for step in steps:
        with open(os.path.join(files.directory, f"ckpt-{step}.index"), "w"):
            pass


def _kept(files):
    names = {n.partition(".")[0] for n in os.listdir(os.path.dirname(files.root(1)))}
    return sorted(int(name.partition("-")[2]) for name in names)


def test_collection_keeps_what_is_needed(files):
    _publish(files, 0)
    for step in range(10, 90, 10):
        _publish(files, step, _export(files, step).embedder)
    _export(files, 90)
    _export(files, 100, complete=False)
    _swap(files, 10, 20, 40, 60)
    _checkpoints(files, 45, 62)
    files.collect(KEEP_ONE)
    # 40 by the older checkpoint, 60 by the newer; 70 and 80 are to be taken up yet; two pending.
    assert _kept(files) == [40, 60, 70, 80, 90, 100]
    assert snapshots.list_steps(files.snapshot_dir) == [0, 40, 60, 70, 80]
    files.collect(KEEP_ONE, has_ended=True)
    assert _kept(files) == [40, 60, 70, 80]


def test_collection_sweeps_what_nothing_names(files):
    for step in (10, 20, 30):
        _publish(files, step, _export(files, step).embedder)
    _swap(files, 10, 20, 30)
    _checkpoints(files, 35)
    snapshots.delete(files.snapshot_dir, 10)  # a collection that was killed here,
    os.remove(f"{files.root(20)}.json")  # or here
    os.makedirs(f"{files.root(15)}/vectors-1")  # a refresh that was killed, and overtaken
    _export(files, 25, complete=False)  # an export that was killed
    files.collect(KEEP_ONE)
    assert _kept(files) == [30]
    assert snapshots.list_steps(files.snapshot_dir) == [30]
    files.collect(KEEP_ONE)  # again: nothing happens
    assert _kept(files) == [30]


def test_collection_leaves_what_is_read(files):
    for step in (10, 20, 30):
        _publish(files, step, _export(files, step).embedder)
    _swap(files, 10, 20, 30)
    _checkpoints(files, 35)
    with reading.hold(snapshots.load(files.snapshot_dir, 10, verify=False)):
        files.collect(KEEP_ONE)
        assert _kept(files) == [10, 30]
        assert snapshots.list_steps(files.snapshot_dir) == [10, 30]
    files.collect(KEEP_ONE)
    assert _kept(files) == [30]


def test_what_a_reader_found_a_moment_before_keeps_its_segments(files, monkeypatch):
    for step in (10, 20):
        _publish(files, step, _export(files, step).embedder)
    _swap(files, 10, 20)
    _checkpoints(files, 25)
    found = snapshots.load(files.snapshot_dir, 10, verify=False)
    original = snapshots.delete_all
    with contextlib.ExitStack() as stack:

        def slow(directory, step):  # the reader comes between the look and the deletion
            stack.enter_context(reading.hold(found))
            original(directory, step)

        with monkeypatch.context() as patched:
            patched.setattr(snapshots, "delete_all", slow)
            files.collect(KEEP_ONE)
        assert snapshots.list_steps(files.snapshot_dir) == [20]
        assert _kept(files) == [10, 20]
        with pytest.raises(types.UserError, match="was deleted before it could be read"):
            stack.enter_context(reading.hold(found))
    files.collect(KEEP_ONE)
    assert _kept(files) == [20]


def test_collection_keeps_by_age(files):
    ago = lambda hours: str(datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=hours))  # noqa: E731
    for step, hours in ((10, 50), (20, 3), (30, 1), (40, 0)):
        _publish(files, step, _export(files, step).embedder, created=ago(hours))
    _swap(files, 10, 20, 30, 40)
    _checkpoints(files, 45)
    files.collect(config.RefreshConfig(keep_snapshots=1, keep_hours=4.0))
    assert _kept(files) == [20, 30, 40]
    files.collect(config.RefreshConfig(keep_snapshots=1, keep_hours=2.0))
    assert _kept(files) == [30, 40]


def test_failure_is_told_until_a_refresh_succeeds(files):
    assert files.failure() is None
    files.tell_failure(refresh_files.Failure(10, "no disk"))
    assert files.failure() == refresh_files.Failure(10, "no disk")
    files.tell_failure(None)
    files.tell_failure(None)
    assert files.failure() is None


@pytest.mark.parametrize("content", ["", "{", "[]", json.dumps({"embedder": 3})])
def test_damaged_export_is_no_export(files, content):
    _export(files, 10)
    with open(f"{files.root(10)}.json", "w") as f:
        f.write(content)
    assert files.pending() == []


def test_of_real_parts(files, tmp_path):
    parts = segments.write_parts(tmp_path, step=4)
    snapshots.publish(files.snapshot_dir, snapshots.Snapshot.of(step=4, **parts))
    files.announce(refresh_files.Export(4, parts["embedder"].path, 1.0))
    assert files.published() == [4]
