# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A change of documents makes a new snapshot that shares what stays, and finds what is there."""

import contextlib
import os
import threading
from concurrent import futures

import numpy as np
import pytest

from realm_tf import artifacts, config, types
from realm_tf.artifacts import leases
from realm_tf.commands import run_inputs
from realm_tf.commands.documents import change, of_run, target
from realm_tf.data.blocks import keys
from realm_tf.retrieval import filters, reading, snapshots
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


def doc_ids(system) -> set[str]:
    table = system.view().table
    return {table.doc_id(row) for row in range(len(table))}


def blocks_of(system, doc_id) -> dict[int, tuple[str, np.ndarray]]:
    """Block id to text and vector."""
    view = system.view()
    rows = view.rows_of(np.array([keys.doc_key(doc_id)], np.uint64)).tolist()
    ids = view.table.scalar("block_id", np.array(rows)).tolist()
    vectors = view.vectors.gather(np.array(rows))
    return {i: (view.table.text(r), v) for i, r, v in zip(ids, rows, vectors, strict=True)}


def test_added_documents_are_found_and_nothing_else_is_written(system):
    before = system.view().snapshot
    planned = system.change("add", [record(100), record(101)])
    after = system.view().snapshot
    assert planned.added == ("doc-100", "doc-101")
    assert planned.num_embedded == len(planned.new_rows) > 2
    assert (after.step, after.revision, after.parent_revision) == (5, 1, 0)
    assert [getattr(after, r) for r in snapshots.PARTS] == [
        getattr(before, r) for r in snapshots.PARTS
    ]
    assert len(after.deltas) == 1
    assert after.tombstones is None
    assert doc_ids(system) == {f"doc-{n}" for n in (*range(12), 100, 101)}
    added = blocks_of(system, "doc-100")
    queries = np.stack([vector for _, vector in added.values()])
    found, scores = system.search(queries, len(system.view().table))
    for row, of_row, query in zip(found.tolist(), scores, queries, strict=True):
        for block_id, (_, vector) in added.items():
            np.testing.assert_allclose(of_row[row.index(block_id)], query @ vector, rtol=1e-5)


def test_changes_give_what_a_rebuild_gives(system, tmp_path):
    system.change("add", [record(n) for n in range(12, 18)])
    system.change("update", [record(3, "It was a river."), record(14, "It was a river.")])
    system.change("delete", ["doc-0", "doc-7", "doc-17"])
    left = [n for n in range(18) if n not in (0, 7, 17)]
    rebuilt = changing_documents.publish(
        tmp_path / "rebuilt",
        [record(n, *(["It was a river."] if n in (3, 14) else [])) for n in left],
    )
    assert len(system.view().table) == len(rebuilt.view().table)
    questions = ["the city of Chicago", "a river in 1014", "war", "In 1004 the city", "Louis"]
    queries = system.embed(questions)
    for k in (1, 5, 20, 1000):
        ids, scores = system.search(queries, k)
        expected, expected_scores = rebuilt.search(queries, k)
        assert ids.shape == expected.shape
        np.testing.assert_allclose(scores, expected_scores, rtol=1e-4, atol=1e-5)
        for row, other in zip(ids, expected, strict=True):
            assert len(set(row.tolist())) == len(row)
            if k == 1000:
                assert set(row.tolist()) == set(other.tolist())


def test_an_unchanged_block_keeps_id_and_vector(system):
    before = blocks_of(system, "doc-4")
    planned = system.change("update", [record(4, "It was a river in New York.")])
    after = blocks_of(system, "doc-4")
    kept = before.keys() & after.keys()
    assert kept
    assert len(after) > len(kept)
    for block_id in kept:
        np.testing.assert_array_equal(before[block_id][1], after[block_id][1])
    assert planned.num_embedded == len(after.keys() - kept)
    delta = system.view().snapshot.deltas[0]
    assert artifacts.open_segment(delta.vectors.path).counts == {
        "blocks": len(after),
        "reused": len(kept),
    }


def test_update_of_metadata_alone_embeds_nothing(system):
    planned = system.change("update", [record(4, year=1999)])
    assert planned.replaced == ("doc-4",)
    assert planned.num_embedded == 0
    view = system.view()
    rows = view.rows_of(np.array([keys.doc_key("doc-4")], np.uint64))
    assert view.table.metadata(int(rows[0])) == '{"year":1999}'


def test_a_document_as_it_is_changes_nothing(system):
    planned = system.change("update", [record(4)])
    assert planned.is_empty
    assert planned.unchanged == ("doc-4",)
    assert snapshots.list_versions(system.directory) == [(5, 0)]


def test_deleted_and_added_again(system):
    before = blocks_of(system, "doc-4")
    system.change("delete", ["doc-4"])
    assert "doc-4" not in doc_ids(system)
    system.change("add", [record(4)])
    assert blocks_of(system, "doc-4").keys() == before.keys()
    queries = np.stack([vector for _, vector in before.values()])
    found, _ = system.search(queries, len(system.view().table))
    assert all(len(set(row)) == len(row) for row in found.tolist())


@pytest.mark.parametrize(
    ("operation", "given", "message"),
    [
        ("add", [record(50), record(3)], "'doc-3': the snapshot has a document with this id"),
        ("update", [record(3, "It."), record(50)], "'doc-50': the snapshot has no document"),
        ("delete", ["doc-3", "doc-50", "doc-51"], "'doc-50' and 1 more: the snapshot has no"),
        ("delete", [f"doc-{n}" for n in range(12)], "No document would be left"),
        ("add", [{"id": "x", "text": 7}], "given.jsonl:1"),
    ],
)
def test_refusals_change_nothing(system, operation, given, message):
    with pytest.raises(types.UserError, match=message):
        system.change(operation, given)
    assert snapshots.list_versions(system.directory) == [(5, 0)]
    assert len(doc_ids(system)) == 12


def test_missing_ok(system):
    planned = system.change("update", [record(3, "It was."), record(50)], missing_ok=True)
    assert (planned.replaced, planned.added) == (("doc-3",), ("doc-50",))
    planned = system.change("delete", ["doc-3", "doc-60"], missing_ok=True)
    assert planned.deleted == ("doc-3",)


def test_dry_run_says_what_would_change_and_writes_nothing(system):
    files = {p: p.stat().st_mtime_ns for p in system.root.rglob("*") if p.is_file()}
    given = [record(3, "It was."), record(4), record(50)]
    request = system.request("update", given, missing_ok=True)
    planned = change.preview(system.target(), request)
    os.remove(system.root / "given.jsonl")
    told = planned.facts()
    assert told["documents_added"] == told["documents_replaced"] == 1
    assert told["documents_unchanged"] == 1
    assert {p: p.stat().st_mtime_ns for p in system.root.rglob("*") if p.is_file()} == files


def test_another_updater_gets_an_error_and_the_holder_goes_on(system):
    with leases.hold(system.directory), pytest.raises(types.UserError, match="is in use by"):
        system.change("delete", ["doc-3"])
    assert system.change("delete", ["doc-3"]).deleted == ("doc-3",)


def test_of_two_updaters_at_once_one_wins(system, monkeypatch):
    refused, publish = threading.Event(), snapshots.publish

    def publish_late(*given):
        assert refused.wait(60)  # the other one has come and gone meanwhile
        return publish(*given)

    monkeypatch.setattr(change.snapshots, "publish", publish_late)
    with futures.ThreadPoolExecutor(1) as threads:
        first = threads.submit(system.change, "delete", ["doc-3"])
        while leases.holder_of(system.directory) is None:
            assert not first.done()
        with pytest.raises(types.UserError, match=f"is in use by .*{os.getpid()}"):
            system.change("delete", ["doc-4"])
        refused.set()
        assert first.result().deleted == ("doc-3",)
    assert snapshots.list_versions(system.directory) == [(5, 0), (5, 1)]
    assert doc_ids(system) == {f"doc-{n}" for n in range(12) if n != 3}


def test_of_two_updaters_without_a_lease_one_wins(system, monkeypatch):
    """As on an object store, which has no such means: both make the same revision."""
    monkeypatch.setattr(target.artifacts, "hold", lambda _: contextlib.nullcontext())
    publish = snapshots.publish

    def publish_second(*given):
        monkeypatch.setattr(change.snapshots, "publish", publish)
        system.change("delete", ["doc-4"])
        return publish(*given)

    monkeypatch.setattr(change.snapshots, "publish", publish_second)
    with pytest.raises(types.UserError, match=r"r0001\.json is already published with other parts"):
        system.change("delete", ["doc-3"])
    assert doc_ids(system) == {f"doc-{n}" for n in range(12) if n != 4}
    system.change("delete", ["doc-3"])
    assert doc_ids(system) == {f"doc-{n}" for n in range(12) if n not in (3, 4)}


def test_a_document_in_two_files_is_refused(system):
    first = system.request("add", [record(50)]).files.patterns[0]
    other = changing_documents.documents.write(system.root / "other.jsonl", [record(50)])
    request = change.Request("add", change.cut_lib.Files((first, other)))
    with pytest.raises(types.UserError, match="'doc-50' is in two of the given files"):
        change.change(system.target(), request)


@pytest.mark.parametrize(
    "step", ["selection.write", "embed_blocks.embed_blocks", "snapshots.publish"]
)
def test_what_is_killed_leaves_the_old_snapshot_and_goes_on(system, monkeypatch, step):
    module, _, name = step.rpartition(".")
    module = getattr(change, module)

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(module, name, killed)
        with pytest.raises(KeyboardInterrupt):
            system.change("update", [record(3, "It was a river.")])
    assert system.view().snapshot.revision == 0
    assert len(doc_ids(system)) == 12
    assert system.change("update", [record(3, "It was a river.")]).replaced == ("doc-3",)
    assert system.view().snapshot.revision == 1


def test_added_documents_have_the_columns_of_the_base(system):
    """Though the configuration of the command declares none."""
    assert system.target().config.corpus.metadata_fields == {}
    system.change("add", [record(50, lang="de", year=1999, updated="2024-05-31"), record(51)])
    system.change("update", [record(3, lang="de")])
    opened = system.view()
    allowed = filters.allowed(opened.table, filters.parse("lang=de"))
    found = {opened.table.doc_id(row) for row in np.flatnonzero(allowed).tolist()}
    assert found == {"doc-3", "doc-50"}
    with pytest.raises(types.UserError, match='"year" is of the type number'):
        system.change("add", [record(60, year="soon")])


def test_documents_of_a_run_are_those_that_it_trains_with(published, tmp_path):
    """This process is the trainer: it holds the work directory, and reads a snapshot."""
    system = copied.to(published, tmp_path / "training" / "pretrain-0")
    run_inputs.save(str(tmp_path), run_inputs.Inputs("c", "t", "d"), config.Config())
    request = change.Request("delete", doc_ids=("doc-3",))
    with artifacts.hold(str(tmp_path)), reading.hold(system.view().snapshot):
        opened = target.opened(str(tmp_path), None)
        assert (opened.directory, opened.vocab) == (system.directory, system.vocab)
        change.change(opened, request)
    assert "doc-3" not in doc_ids(system)
    assert of_run.in_training(str(tmp_path)) is None
