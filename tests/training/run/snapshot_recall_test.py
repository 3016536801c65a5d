# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a snapshot finds for held-out masked sentences is counted right, and measured once."""

import numpy as np
import pytest

from realm_tf import types
from realm_tf.data.examples import masked_batches
from realm_tf.training.run import masked_examples, snapshot_recall
from tests.training import runs


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    return runs.make_context(tmp_path_factory.mktemp("recall"))


def _always(rows):
    def retrieve(queries, k):
        found = np.tile(np.asarray(rows, np.int64)[:k], (len(queries.word_ids), 1))
        return types.RetrievedBlocks(found, np.zeros(found.shape, np.float32))

    return retrieve


def _batch(context, retrieve):
    made = masked_examples.make_batches(context, held_out=True, batch_size=8, stage="test")
    return made.make_batch(0, retrieve)


def test_recall_counts_sentences_whose_answer_is_retrieved(context):
    table = context.knowledge
    batch = _batch(context, _always(range(20)))
    answers = [ids[w > 0] for ids, w in zip(batch.mask_targets, batch.mask_weights, strict=True)]
    expected = [
        any(masked_batches.contains(table.token_ids(r), ids) for r in rows.tolist() if r >= 0)
        for rows, ids in zip(batch.candidate_rows, answers, strict=True)
    ]
    found = snapshot_recall.figures([batch], table)
    assert found["held_out_recall"] == pytest.approx(np.mean(expected))
    # Of a vocabulary that no block holds nothing is found; of blocks that hold it all, everything.
    nothing = batch._replace(mask_targets=np.full_like(batch.mask_targets, 60_000))
    assert snapshot_recall.figures([nothing], table)["held_out_recall"] == 0
    own = np.array([[-1, r] for r in np.arange(8)], np.int64)
    targets = np.stack([np.resize(table.token_ids(r)[:1], 5) for r in range(8)]).astype(np.int32)
    weights = np.zeros([8, 5], np.float32)
    weights[:, 0] = 1
    every = batch._replace(candidate_rows=own, mask_targets=targets, mask_weights=weights)
    assert snapshot_recall.figures([every], table)["held_out_recall"] == 1


def test_different_blocks_tell_queries_that_all_retrieve_the_same(context):
    same = snapshot_recall.figures([_batch(context, _always(range(20)))], context.knowledge)
    batch = _batch(context, _always(range(20)))
    rows = batch.candidate_rows.copy()
    rows[:, 1:] = np.arange(rows[:, 1:].size).reshape(rows[:, 1:].shape) % len(context.knowledge)
    various = snapshot_recall.figures([batch._replace(candidate_rows=rows)], context.knowledge)
    assert various["held_out_different_blocks"] == 1
    assert same["held_out_different_blocks"] < 0.5


def test_snapshot_is_measured_once_and_forgotten_with_what_came_later(tmp_path):
    measured = []

    def measure(retrieve):
        measured.append(retrieve)
        return {"held_out_recall": retrieve / 10}

    recall = snapshot_recall.SnapshotRecall(str(tmp_path), measure)
    for step in (0, 5, 5, 9):
        recall.note(step, step)
    assert measured == [0, 5, 9]
    again = snapshot_recall.SnapshotRecall(str(tmp_path), measure)
    again.rewind(5)
    assert (again.of(5), again.of(9)) == ({"held_out_recall": 0.5}, {})
    again.note(9, 8)
    found = {
        step: known["held_out_recall"]
        for step, known in snapshot_recall.read(str(tmp_path)).items()
    }
    assert found == {0: 0.0, 5: 0.5, 9: 0.8}


def test_full_disk_refuses_no_snapshot(tmp_path, monkeypatch, caplog):
    def full(path, text):
        raise OSError(28, "No space left on device", path)

    monkeypatch.setattr(snapshot_recall.artifacts, "write_text", full)
    recall = snapshot_recall.SnapshotRecall(str(tmp_path), lambda _: {"held_out_recall": 1.0})
    recall.note(0, None)
    assert recall.of(0) == {"held_out_recall": 1.0}
    assert "snapshot_recall.json is not written ([Errno 28] No space left" in caplog.text


def test_damaged_file_is_measured_again(tmp_path):
    (tmp_path / snapshot_recall.FILE).write_text("[1")
    recall = snapshot_recall.SnapshotRecall(str(tmp_path), lambda _: {"held_out_recall": 1.0})
    recall.note(0, None)
    assert snapshot_recall.read(str(tmp_path)) == {0: {"held_out_recall": 1.0}}
