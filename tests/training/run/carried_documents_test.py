# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Documents that change while a run trains are retrieved from the next swap on, and stay so."""

import numpy as np
import pytest

from realm_tf import config, types
from realm_tf.retrieval import snapshots, view
from realm_tf.training.run import replayed_refreshing
from tests.training import changed_runs, runs


class Killed(BaseException):
    """What no handler of errors catches."""


def _doc_ids(table, rows=None) -> set[str]:
    rows = range(len(table)) if rows is None else np.unique(rows[rows >= 0]).tolist()
    return {table.doc_id(row) for row in rows}


def test_changed_documents_are_taken_up_and_carried_to_every_embedder(tmp_path, monkeypatch):
    run = changed_runs.ChangedRun(tmp_path, monkeypatch)
    system = run.train()
    assert run.swaps() == changed_runs.SWAPS
    for index, table, rows in run.batches:
        is_changed = index >= 4
        assert ("new" in _doc_ids(table)) == is_changed
        assert set(changed_runs.GONE).isdisjoint(_doc_ids(table)) == is_changed
        assert rows.max() < len(table)
    retrieved = [(i, _doc_ids(table, rows)) for i, table, rows in run.batches]
    assert any(found & set(changed_runs.GONE) for i, found in retrieved if i < 4)
    assert not any(found & set(changed_runs.GONE) for i, found in retrieved if i >= 4)
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
    made = len(snapshots.list_versions(directory))
    run.train()
    assert len(snapshots.list_versions(directory)) == made
    _require_replayable(str(run.log), directory)


def _require_replayable(log, directory):
    """A replay has a name by the documents, and is refused when they are there no more."""
    settings = config.RefreshConfig(replay_swaps=log)
    first, *_ = replayed_refreshing.recipe(settings)["replay"]
    assert first[:2] == [4, 0]
    assert len(first) == 3
    snapshots.delete(directory, 5, 3)
    refused = pytest.raises(types.UserError, match=r"batch 6 on, .* step 5, revision 3, .* no more")
    with refused:
        replayed_refreshing.recipe(settings)


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
        whole = changed_runs.ChangedRun(tmp_path / "whole", patched).train()
    run = changed_runs.ChangedRun(tmp_path / "parts", monkeypatch)

    def kill(job, embedder, root, *of_documents):
        if of_documents:  # the snapshot of the run's own blocks is published
            raise Killed
        return job(embedder, root)

    with pytest.raises(Killed):
        run.train(kill)
    resumed = run.train()
    assert run.changed == [3, 7]
    assert [swap[0] for swap in run.swaps()] == [swap[0] for swap in changed_runs.SWAPS]
    of_whole, of_resumed = (
        runs.saved_values(system.embedder_weights, system.reader_weights)
        for system in (whole, resumed)
    )
    runs.require_equal(of_resumed, of_whole)
