# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Merging layers changes no search result, and leaves out what was deleted."""

import numpy as np
import pytest

from realm_tf import artifacts
from realm_tf.commands.documents import change, compaction, listing, purging
from realm_tf.retrieval import snapshots
from tests.beam_jobs import changing_documents, copied

record = changing_documents.record


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return changing_documents.publish(
        tmp_path_factory.mktemp("published"), [record(n) for n in range(12)]
    )


@pytest.fixture
def system(published, tmp_path):
    return copied.to(published, tmp_path)


def _change(system):
    system.change("add", [record(n, year=1900 + n, lang="en") for n in range(12, 15)])
    system.change("update", [record(3, "It was a river.", updated="2024-05-31")])
    system.change("delete", ["doc-0", "doc-13"])


def test_the_same_answers_before_and_after(system):
    _change(system)
    queries = system.embed(["the city of Chicago", "a river", "In 1004", "war"])
    ids, scores = system.search(queries, 9)
    few, _ = system.search(queries, 9, "year<=1912")
    before = system.view().snapshot
    merged = compaction.compact(system.target())
    assert (merged.revision, merged.parent_revision) == (4, 3)
    assert merged.deltas == ()
    assert merged.tombstones is None
    assert merged.deletions == before.deletions
    after, after_scores = system.search(queries, 9)
    np.testing.assert_allclose(after_scores, scores, rtol=1e-5)
    np.testing.assert_array_equal(np.sort(after), np.sort(ids))
    np.testing.assert_array_equal(np.sort(system.search(queries, 9, "year<=1912")[0]), np.sort(few))
    assert compaction.compact(system.target()) == merged  # nothing is left to do


def test_the_base_is_the_one_that_the_blocks_job_makes(system, tmp_path):
    _change(system)
    merged = compaction.compact(system.target())
    numbers = [n for n in range(15) if n not in (0, 13)]
    records = [record(n) for n in numbers if n < 12 and n != 3]
    records += [record(n, year=1900 + n, lang="en") for n in numbers if n >= 12]
    records.append(record(3, "It was a river.", updated="2024-05-31"))
    rebuilt = changing_documents.make(tmp_path / "rebuilt", system.vocab, records)["blocks"]
    shards = artifacts.open_segment(merged.blocks.path).shards
    assert [s.num_records for s in shards] == [s.num_records for s in rebuilt.shards]
    assert [s.sha256 for s in shards] == [s.sha256 for s in rebuilt.shards]


def test_rule(system):
    target = system.target("retrieval.max_delta_fraction=0.3")
    few, many = [record(20)], [record(n) for n in range(21, 25)]
    assert change.change(target, system.request("add", few))[1].deltas
    _, merged = change.change(target, system.request("add", many))
    assert (merged.revision, merged.deltas) == (3, ())
    assert [h.get("operation") for h in listing.history(target)] == [None, "add", "add", "compact"]


def test_a_killed_merge_leaves_the_old_snapshot(system, monkeypatch):
    _change(system)
    with monkeypatch.context() as patched:
        patched.setattr(compaction.index_lib, "build", _killed)
        with pytest.raises(KeyboardInterrupt):
            compaction.compact(system.target())
    assert system.view().snapshot.revision == 3
    assert compaction.compact(system.target()).revision == 4


def _killed(*_, **__):
    raise KeyboardInterrupt


def test_purge_leaves_the_newest_snapshot_alone(system):
    _change(system)
    queries = system.embed(["the city of Chicago"])
    merged = compaction.compact(system.target())
    ids, _ = system.search(queries, 5)
    old = snapshots.load(system.directory, 5)
    removed = purging.purge(system.target())
    assert snapshots.list_versions(system.directory) == [(5, 4)]
    assert {old.blocks.path, old.vectors.path} <= set(removed)
    assert not artifacts.is_complete(old.blocks.path)
    assert artifacts.is_complete(old.embedder.path)
    np.testing.assert_array_equal(system.search(queries, 5)[0], ids)
    assert purging.purge(system.target()) == []
    system.change("add", [record(30)])
    assert system.view().snapshot.revision == merged.revision + 1
