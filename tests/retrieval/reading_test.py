# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A reader gets the snapshot, whole, or one clear error, whatever is published and collected."""

import contextlib
import itertools
import os
import shutil
import threading
from concurrent import futures

import numpy as np
import pytest

from realm_tf import types
from realm_tf.retrieval import (
    manifest,
    reading,
    retriever,
    snapshots,
    tombstones,
    vectors,
    view,
)
from tests.retrieval import segments


@pytest.fixture
def work(tmp_path):
    parts = segments.write_parts(tmp_path / "segments")
    return str(tmp_path / "snapshots"), parts


def publish(work, step) -> snapshots.Snapshot:
    directory, parts = work
    snapshots.publish(directory, snapshots.Snapshot.of(step=step, **parts))
    return snapshots.load(directory, step)


def test_what_is_read_is_in_use(work):
    directory, _ = work
    first, second = publish(work, 5), publish(work, 9)
    with reading.hold(first):
        assert set(reading.in_use(directory)) == {(5, 0)}
        reading.refuse_in_use(directory, snapshots.Version(5))
        with pytest.raises(types.UserError) as refused:
            reading.refuse_in_use(directory, snapshots.Version(9))
        assert f"step-000000005.json is read by process {os.getpid()} on" in str(refused.value)
        with reading.hold(second):
            assert set(reading.in_use(directory)) == {(5, 0), (9, 0)}
    assert reading.in_use(directory) == {}
    assert snapshots.list_steps(directory) == [5, 9]


def test_a_snapshot_that_is_gone_is_one_clear_error(work):
    directory, _ = work
    snapshot = publish(work, 5)
    snapshots.delete(directory, 5)
    gone = pytest.raises(types.UserError, match="was deleted before it could be read")
    with gone, reading.hold(snapshot):
        pass
    assert reading.in_use(directory) == {}


OPENERS = {
    "vectors": vectors.VectorTable.open,
    "embedder": lambda segment: retriever.load_embed_fn(segment, "queries"),
    "tombstones": tombstones.Tombstones.open,
}


@pytest.mark.parametrize("role", OPENERS)
def test_segments_that_go_while_they_are_opened(work, tmp_path, role):
    """Of a reader without a lease: it has opened the segment, and not yet its files."""
    gone = tombstones.Tombstones(np.array([1])).write(str(tmp_path), blocks="b")
    segment = {**work[1], "tombstones": gone}[role]
    shutil.rmtree(segment.path)
    with pytest.raises(types.UserError, match="gone since"):
        OPENERS[role](segment)


def test_readers_among_publishers_and_collectors(work):
    """Snapshots come and go; a reader of the newest has it, or is told that it was deleted."""
    directory, parts = work
    publish(work, 1)
    ended = threading.Event()
    errors = []

    def collect():
        """Copies the vectors for every snapshot, and removes those of the one before."""
        try:
            for step in range(2, 60):
                copies = {**parts, "vectors": _copied(parts["vectors"], step)}
                made = snapshots.Snapshot.of(step=step, **parts)
                part = manifest.Part.of(copies["vectors"])
                snapshots.publish(directory, made.changed(revision=0, settings={}, vectors=part))
                for old in snapshots.list_steps(directory)[:-1]:
                    if (old, 0) in reading.in_use(directory):
                        continue
                    snapshots.delete(directory, old)
                    if old > 1 and (old, 0) not in reading.in_use(directory):
                        shutil.rmtree(_place(parts["vectors"], old))
        except BaseException as error:  # noqa: BLE001  The test raises it.
            errors.append(error)
        finally:
            ended.set()

    thread = threading.Thread(target=collect)
    thread.start()
    refusals, opened = [], 0
    while not ended.is_set() or not opened:
        try:
            snapshot = snapshots.newest(directory)
            with reading.hold(snapshot):
                assert len(view.View(snapshot).vectors) == 30
                opened += 1
        except types.UserError as error:
            refusals.append(str(error))
    thread.join()
    assert not errors
    assert opened  # how often depends on the machine
    assert all("was deleted before it could be read" in refusal for refusal in refusals)


@pytest.mark.parametrize("times", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_a_reader_gets_the_old_or_the_new_and_never_a_mixture(tmp_path, times):
    """While snapshots of two embedders are published in turn, each with a deletion."""
    directory, systems = str(tmp_path / "snapshots"), []
    for seed in range(2):
        parts = segments.write_parts(tmp_path / str(seed), step=seed)
        gone = tombstones.Tombstones(np.array([seed, 7]))
        marks = gone.write(str(tmp_path / str(seed)), blocks=parts["blocks"].fingerprint)
        systems.append((parts, {"tombstones": manifest.Part.of(marks)}))
    ended, published = threading.Event(), threading.Event()

    def publish():
        for step in itertools.count(1):
            parts, layers = systems[step % 2]
            made = snapshots.Snapshot.of(step=step, **parts)
            snapshots.publish(directory, made.changed(revision=step, settings={}, **layers))
            snapshots.delete(directory, step - 2, step - 2)
            published.set()
            if ended.is_set():
                return

    with futures.ThreadPoolExecutor(1) as threads:
        publishing = threads.submit(publish)
        assert published.wait(60)
        seen, opened = set(), 0
        try:
            while opened < times:
                snapshot = snapshots.newest(directory)
                with contextlib.suppress(types.UserError), reading.hold(snapshot):
                    seen.add(_whole(view.View(snapshot), systems, snapshot.step % 2))
                    opened += 1
                assert not publishing.done()
        finally:
            ended.set()
        publishing.result()
    assert seen == {0, 1}


def _whole(opened, systems, seed) -> int:
    """Checks that all that is opened is of one of the systems; returns its number."""
    parts, layers = systems[seed]
    for role in snapshots.PARTS:
        assert opened.snapshot.segment(role).fingerprint == parts[role].fingerprint
    assert opened.snapshot.tombstones.fingerprint == layers["tombstones"].fingerprint
    assert opened.tombstones.rows.tolist() == [seed, 7]
    whole = vectors.VectorTable.open(parts["vectors"]).load()
    np.testing.assert_array_equal(opened.vectors.load(), np.delete(whole, [seed, 7], axis=0))
    return seed


def _place(segment, step) -> str:
    return f"{segment.path}-of-step-{step}"


def _copied(segment, step):
    shutil.copytree(segment.path, _place(segment, step))
    return vectors.VectorTable.open(_place(segment, step)).segment
