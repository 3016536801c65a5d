# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Documents that change while a run trains are retrieved from the next swap on, and stay so."""

import json
import pathlib

import numpy as np
import pytest

from realm_tf import types
from realm_tf.commands.documents import change, compaction, cut, target
from realm_tf.data.blocks import table as block_table
from realm_tf.data.examples import masked_batches
from realm_tf.retrieval import snapshots, view
from realm_tf.training.experiments import ict, pretrain, warmup
from realm_tf.training.run import replayed_refreshing, sync_refreshing
from tests.training import runs

GONE = ("doc1", "doc4", "doc7", "doc9", "doc12", "doc15", "doc18", "doc20")
ADDED = {"id": "new", "title": "lake", "text": "The river of lake ohrid in 1921. The war of."}
SYNC = (
    "pretrain.refresh.every_steps=5",
    "pretrain.refresh.keep_snapshots=1",
    "pretrain.refresh.poll_secs=1e-9",
    "pretrain.checkpoint_every_steps=3",
    "runtime.prefetch_batches=1",
    "pretrain.steps=9",
)


class Killed(BaseException):
    """What no handler of errors catches."""


class _Run:
    """A run whose documents are changed at step 3, and merged at step 7."""

    def __init__(self, root, monkeypatch):
        self.context = runs.make_context(root, runs.make_config(*SYNC))
        self.batches: list[tuple[int, block_table.BlockTable, np.ndarray]] = []
        self.changed: list[int] = []
        before = sync_refreshing.SyncRefreshing.before_batch
        make = masked_batches.MaskedBatches.make_batch

        def before_batch(refreshing, index, count=1):
            if index in (3, 7) and index not in self.changed:
                self.changed.append(index)
                self._change(refreshing._files.snapshot_dir, index)
            before(refreshing, index, count)

        def make_batch(batches, index, *args, **kwargs):
            made = make(batches, index, *args, **kwargs)
            if "rows" in kwargs:  # a batch that is trained on
                self.batches.append((index, kwargs["knowledge"], made.candidate_rows))
            return made

        monkeypatch.setattr(sync_refreshing.SyncRefreshing, "before_batch", before_batch)
        monkeypatch.setattr(masked_batches.MaskedBatches, "make_batch", make_batch)

    def _change(self, directory, index):
        vocab, rule = self.context.vocab.path, ["retrieval.max_delta_fraction=1000"]
        opened = target.opened(None, directory, vocab=vocab, overrides=rule)
        if index == 7:
            compaction.compact(opened)
            return
        path = pathlib.Path(self.context.root) / "new.jsonl"
        path.write_text(json.dumps(ADDED) + "\n")
        change.change(opened, change.Request("delete", doc_ids=GONE))
        change.change(opened, change.Request("add", cut.Files((str(path),))))

    def train(self, embed=lambda job, *given: job(*given)):
        job = runs.make_vectors(self.context)
        return pretrain.train(
            self.context,
            embedder_weights=ict.random_embedder(self.context),
            reader_weights=warmup.train(self.context),
            make_vectors=lambda *given: embed(job, *given),
        )

    def swaps(self) -> list[tuple[int, int, int]]:
        (path,) = pathlib.Path(self.context.training_dir).glob("pretrain-*/swaps.json")
        names = ("batch_index", "snapshot_step", "revision")
        return [tuple(entry[name] for name in names) for entry in json.loads(path.read_text())]


def _doc_ids(table, rows=None) -> set[str]:
    rows = range(len(table)) if rows is None else np.unique(rows[rows >= 0]).tolist()
    return {table.doc_id(row) for row in rows}


# Delete and add are revisions 1 and 2, the refresh at step 5 carries them, the merge is the fourth.
SWAPS = [(0, 0, 0), (4, 0, 2), (6, 5, 3), (8, 5, 4)]


def test_changed_documents_are_taken_up_and_carried_to_every_embedder(tmp_path, monkeypatch):
    run = _Run(tmp_path, monkeypatch)
    system = run.train()
    assert run.swaps() == SWAPS
    for index, table, rows in run.batches:
        is_changed = index >= 4
        assert ("new" in _doc_ids(table)) == is_changed
        assert set(GONE).isdisjoint(_doc_ids(table)) == is_changed
        assert rows.max() < len(table)
    retrieved = [(i, _doc_ids(table, rows)) for i, table, rows in run.batches]
    assert any(found & set(GONE) for i, found in retrieved if i < 4)
    assert not any(found & set(GONE) for i, found in retrieved if i >= 4)
    # Fine-tuning goes on with the run's own blocks; the newest documents are beside them.
    assert (system.snapshot.step, system.snapshot.revision) == (9, 0)
    directory = system.snapshot.directory
    newest = snapshots.newest(directory)
    assert (newest.step, newest.revision, newest.parent, newest.parent_revision) == (9, 5, 5, 4)
    assert newest.tombstones is None  # they were merged
    _require_vectors_of(run.context, newest)
    assert snapshots.list_steps(directory) == [0, 5, 9]
    layered = snapshots.load(directory, 5, 3)
    assert len(layered.deltas) == 1
    assert len(layered.deletions) == 2  # what was deleted has vectors of this embedder, too
    _require_vectors_of(run.context, layered)
    (log,) = pathlib.Path(run.context.training_dir).glob("pretrain-*/swaps.json")
    with pytest.raises(types.UserError, match="documents were changed while its run trained"):
        replayed_refreshing.read(str(log))
    made = len(snapshots.list_versions(directory))
    run.train()
    assert len(snapshots.list_versions(directory)) == made


def _require_vectors_of(context, snapshot):
    """The vectors of a snapshot are those of its embedder, and the added document is found."""
    opened = view.View(snapshot)
    expected = runs.embed(context, opened.table, snapshot.segment("embedder"))
    np.testing.assert_allclose(opened.vectors.load(), expected, rtol=1e-4, atol=1e-5)
    every = opened.index.search(expected[:1], len(opened.table)).rows
    assert "new" in _doc_ids(opened.table, every)


@pytest.mark.slow
def test_a_run_that_is_killed_between_embedders_ends_as_in_one_go(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        whole = _Run(tmp_path / "whole", patched).train()
    run = _Run(tmp_path / "parts", monkeypatch)

    def kill(job, embedder, root, *of_documents):
        if of_documents:  # the snapshot of the run's own blocks is published
            raise Killed
        return job(embedder, root)

    with pytest.raises(Killed):
        run.train(kill)
    resumed = run.train()
    assert run.changed == [3, 7]
    assert [swap[0] for swap in run.swaps()] == [swap[0] for swap in SWAPS]
    of_whole, of_resumed = (
        runs.saved_values(system.embedder_weights, system.reader_weights)
        for system in (whole, resumed)
    )
    runs.require_equal(of_resumed, of_whole)
