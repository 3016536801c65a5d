# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Snapshots are whole, never change, and hold only what belongs together."""

import concurrent.futures
import dataclasses
import json
import logging
import os
import pathlib
import shutil

import numpy as np
import pytest

from realm_tf import artifacts, types
from realm_tf.retrieval import snapshots, tombstones
from tests.retrieval import segments


@pytest.fixture
def work(tmp_path):
    return str(tmp_path / "work")


def publish(work, step, **kwargs):
    snapshot = snapshots.Snapshot.of(step=step, **segments.write_parts(work, step=step), **kwargs)
    snapshots.publish(f"{work}/snapshots", snapshot)
    return snapshot


def test_load_gives_what_was_published(work):
    published = publish(work, 500, parent=0, settings={"why": "test"})
    assert snapshots.load(f"{work}/snapshots", 500) == published
    assert sorted(os.listdir(f"{work}/snapshots")) == ["LATEST", "step-000000500.json"]


def test_newest_is_by_step_and_not_by_name_or_time(work):
    assert snapshots.newest(f"{work}/snapshots") is None
    for step in (1_000_000_000, 20, 3):
        publish(work, step)
    assert snapshots.list_steps(f"{work}/snapshots") == [3, 20, 1_000_000_000]
    assert snapshots.newest(f"{work}/snapshots").step == 1_000_000_000


def test_newest_does_not_need_the_hint(work):
    publish(work, 7)
    os.remove(f"{work}/snapshots/LATEST")
    assert snapshots.newest(f"{work}/snapshots").step == 7


def manifest(work, step):
    return pathlib.Path(snapshots.path_of(f"{work}/snapshots", step))


def damage_json(work, snapshot):
    manifest(work, snapshot.step).write_text('{"step":')


def change_json(work, snapshot):
    path = manifest(work, snapshot.step)
    body = json.loads(path.read_text())
    path.write_text(json.dumps({**body, "parent": 12345}))


def remove_vectors(work, snapshot):
    shutil.rmtree(snapshot.vectors.path)


def cut_vectors(work, snapshot):
    path = snapshot.segment("vectors").files("vectors-")[0]
    os.truncate(path, 10)


def empty_json(work, snapshot):
    manifest(work, snapshot.step).write_text("[]")


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        (damage_json, "is not JSON"),
        (change_json, "was changed after it was published"),
        (empty_json, "is not a snapshot"),
        (remove_vectors, "is not a complete segment"),
        (cut_vectors, "is damaged"),
    ],
)
def test_newest_skips_what_is_damaged_and_says_why(work, caplog, damage, cause):
    publish(work, 1)
    damage(work, publish(work, 2))
    with caplog.at_level(logging.WARNING):
        assert snapshots.newest(f"{work}/snapshots").step == 1
    assert "step 2" in caplog.text
    assert cause in caplog.text


@pytest.mark.parametrize(
    ("role", "names"),
    [
        ("embedder", ("vectors-", "embedder-")),
        ("vectors", ("vectors-", "embedder-")),
        ("index", ("index-", "vectors-")),
    ],
)
def test_parts_of_two_embedders_are_refused(work, role, names):
    parts, other = segments.write_parts(work, step=1), segments.write_parts(work, step=2)
    with pytest.raises(types.UserError, match="do not belong together") as error:
        snapshots.Snapshot.of(step=1, **{**parts, role: other[role]})
    assert all(name in str(error.value) for name in names)


def test_parts_of_two_corpora_are_refused(work):
    parts = segments.write_parts(work)
    other = segments.write_parts(work, tokenizer="u" * 64)
    with pytest.raises(types.UserError, match="their blocks differs"):
        snapshots.Snapshot.of(step=1, **{**parts, "blocks": other["blocks"]})


def test_another_tokenizer_is_refused(work):
    parts = segments.write_parts(work)
    embedder = segments.write_embedder(work, tokenizer="u" * 64)
    made_from = {"embedder": embedder, "blocks": parts["blocks"]}
    parts |= segments.write_retrieval(work, **made_from)
    with pytest.raises(types.UserError, match="their tokenizer differs"):
        snapshots.Snapshot.of(step=1, **{**parts, "embedder": embedder})


def test_load_refuses_a_mixture(work):
    """A publisher that does not check cannot fool a reader."""
    first, second = publish(work, 1), publish(work, 2)
    mixed = dataclasses.replace(first, step=3, index=second.index)
    snapshots.publish(f"{work}/snapshots", mixed)
    with pytest.raises(types.UserError, match="their vectors differs"):
        snapshots.load(f"{work}/snapshots", 3)
    assert snapshots.load(f"{work}/snapshots", 3, verify=False) == mixed


def test_a_part_that_was_made_again_differently_is_refused(work):
    snapshot = publish(work, 1)
    shutil.rmtree(snapshot.vectors.path)
    with pytest.raises(types.UserError):
        snapshot.segment("vectors")
    embedder = snapshot.segment("embedder").fingerprint
    segments.write_vectors(
        work, [segments.normal(4, 8)], blocks=snapshot.blocks.fingerprint, embedder=embedder
    )
    with pytest.raises(types.UserError, match=r"the snapshot of step 1 and .*vectors-"):
        snapshots.load(f"{work}/snapshots", 1)


def test_published_snapshots_never_change(work):
    published = publish(work, 1)
    before = manifest(work, 1).read_text()
    snapshots.publish(f"{work}/snapshots", published)  # again: nothing happens
    other = snapshots.Snapshot.of(step=1, **segments.write_parts(work, step=9))
    with pytest.raises(types.UserError, match="already published with other parts"):
        snapshots.publish(f"{work}/snapshots", other)
    assert manifest(work, 1).read_text() == before


def test_one_of_many_publishers_wins(work):
    rivals = [
        snapshots.Snapshot.of(step=1, **segments.write_parts(work, step=step)) for step in range(4)
    ]

    def attempt(snapshot):
        try:
            snapshots.publish(f"{work}/snapshots", snapshot)
        except types.UserError:
            return None
        return snapshot

    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        won = [snapshot for snapshot in threads.map(attempt, rivals) if snapshot]
    assert len(won) == 1
    assert snapshots.load(f"{work}/snapshots", 1) == won[0]


def test_publishing_works_without_hard_links(work, monkeypatch):
    def refuse(*_):
        raise PermissionError("no hard links")

    monkeypatch.setattr(os, "link", refuse)
    published = publish(work, 1)
    assert snapshots.load(f"{work}/snapshots", 1) == published
    other = snapshots.Snapshot.of(step=1, **segments.write_parts(work, step=9))
    with pytest.raises(types.UserError, match="already published"):
        snapshots.publish(f"{work}/snapshots", other)


def test_a_work_directory_can_be_moved(work, tmp_path):
    publish(work, 1)
    moved = str(tmp_path / "moved")
    os.rename(work, moved)
    snapshot = snapshots.load(f"{moved}/snapshots", 1)
    assert snapshot.vectors.path.startswith(moved)


def test_parts_elsewhere_keep_their_place(work, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    snapshot = snapshots.Snapshot.of(step=1, **segments.write_parts("elsewhere"))
    snapshots.publish(f"{work}/snapshots", snapshot)
    monkeypatch.chdir("/")
    loaded = snapshots.load(f"{work}/snapshots", 1)
    assert loaded.vectors.path.startswith(str(tmp_path / "elsewhere"))


def test_delete_removes_the_snapshot_alone(work):
    snapshot = publish(work, 1)
    for _ in range(2):
        snapshots.delete(f"{work}/snapshots", 1)
    assert snapshots.list_steps(f"{work}/snapshots") == []
    assert os.path.exists(snapshot.vectors.path)


def rewritten(work, step, **changes):
    """Writes a snapshot's file anew, as another release would have."""
    path = manifest(work, step)
    body = {**json.loads(path.read_text()), **changes}
    later = ("revision", "parent_revision", "deltas", "tombstones", "deletions")
    body = {k: v for k, v in body.items() if k != "sha256" and (k not in later)}
    path.write_text(json.dumps({**body, "sha256": artifacts.digest(body)}))


def test_snapshots_of_the_format_before_are_read(work):
    published = publish(work, 1)
    rewritten(work, 1, schema_version=2)
    assert snapshots.load(f"{work}/snapshots", 1) == published


def test_other_formats_are_refused(work):
    publish(work, 1)
    rewritten(work, 1, schema_version=1)
    with pytest.raises(types.UserError, match=r"has version 1 .* reads versions 2, 3"):
        snapshots.load(f"{work}/snapshots", 1)


def test_damaged_revision_is_no_reason_to_bring_back_what_was_deleted(work):
    directory, first = f"{work}/snapshots", publish(work, 5)
    snapshots.publish(directory, first.changed(revision=1, settings={}))
    path = pathlib.Path(snapshots.path_of(directory, 5, 1))
    path.write_text("[]")
    with pytest.raises(types.UserError, match="holds documents that were deleted") as error:
        snapshots.newest(directory)
    assert str(path) in str(error.value)
    path.unlink()
    assert snapshots.newest(directory).revision == 0


def test_the_newest_snapshot_has_the_newest_documents(work):
    first, directory = publish(work, 5), f"{work}/snapshots"
    for revision in (1, 2):
        snapshots.publish(directory, first.changed(revision=revision, settings={"n": revision}))
    assert snapshots.list_versions(directory) == [(5, 0), (5, 1), (5, 2)]
    assert snapshots.list_steps(directory) == [5]
    newest = snapshots.newest(directory)
    assert (newest.revision, newest.parent, newest.parent_revision) == (2, 5, 0)
    assert newest.vectors == first.vectors
    assert snapshots.load(directory, 5) == first
    other = snapshots.Snapshot.of(step=5, **segments.write_parts(work, step=9))
    with pytest.raises(types.UserError, match="already published with other parts"):
        snapshots.publish(directory, other.changed(revision=2, settings={}))
    later = publish(work, 6)  # of a newer embedder, but without the changes
    assert snapshots.newest(directory) == newest
    assert snapshots.newest(directory, 6) == later
    assert snapshots.next_revision(directory) == 3
    snapshots.publish(directory, later.changed(revision=3, settings={}))
    assert (snapshots.newest(directory).step, snapshots.newest(directory).revision) == (6, 3)
    snapshots.delete_all(directory, 5)
    assert snapshots.list_versions(directory) == [(6, 0), (6, 3)]


def test_layers_that_do_not_belong_are_refused(work):
    first, directory = publish(work, 5), f"{work}/snapshots"
    other = segments.write_parts(work, step=9)
    part = snapshots.Part.of
    strange = snapshots.Delta(part(other["blocks"]), part(other["vectors"]))
    snapshots.publish(directory, first.changed(revision=1, settings={}, deltas=(strange,)))
    with pytest.raises(types.UserError, match="their embedder differs"):
        snapshots.load(directory, 5, 1)
    marks = tombstones.Tombstones(np.array([3])).write(work, blocks="others")
    snapshots.publish(directory, first.changed(revision=2, settings={}, tombstones=part(marks)))
    with pytest.raises(types.UserError, match="their blocks differs"):
        snapshots.load(directory, 5, 2)
