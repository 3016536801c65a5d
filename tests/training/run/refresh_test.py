# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a snapshot's embedder computes in is a setting, and part of its name."""

import dataclasses
import os
import shutil

import numpy as np
import pytest

from realm_tf import types
from realm_tf.retrieval import snapshots, vectors
from realm_tf.training.experiments import ict
from realm_tf.training.run import refresh
from tests.data import example_passages
from tests.training import runs


def _snapshot(root, dtype):
    context = runs.make_context(root, runs.make_config(f"retrieval.embed_dtype={dtype}"))
    return refresh.baseline_snapshot(
        context, ict.random_embedder(context), make_vectors=runs.make_vectors(context)
    )


def test_embedder_is_exported_in_the_configured_dtype(tmp_path):
    snapshots = {d: _snapshot(tmp_path / d, d) for d in ("float32", "bfloat16")}
    embedders = {d: s.segment("embedder") for d, s in snapshots.items()}
    assert {d: e.settings["dtype"] for d, e in embedders.items()} == {d: d for d in embedders}
    assert len({os.path.basename(e.path) for e in embedders.values()}) == 2
    wide, narrow = (
        vectors.VectorTable.open(snapshot.segment("vectors")).load()
        for snapshot in snapshots.values()
    )
    cosines = (wide * narrow).sum(-1) / np.linalg.norm(wide, axis=-1)
    cosines /= np.linalg.norm(narrow, axis=-1)
    assert cosines.min() > 0.999
    assert np.abs(wide - narrow).max() > 1e-6


@pytest.mark.parametrize("parts", [["vectors"], ["index"], ["embedder"], list(snapshots.PARTS[:3])])
def test_deleted_parts_of_a_snapshot_are_made_again(tmp_path, parts):
    whole = _snapshot(tmp_path, "float32")
    before = whole.segment("vectors"), vectors.VectorTable.open(whole.segment("vectors")).load()
    for role in parts:
        shutil.rmtree(getattr(whole, role).path)
    again = _snapshot(tmp_path, "float32")
    made = again.segment("vectors", verify=True)
    np.testing.assert_array_equal(vectors.VectorTable.open(made).load(), before[1])
    if parts != ["embedder"] and "embedder" not in parts:
        assert made == before[0]
        assert again.index == whole.index
    again.segment("index"), again.segment("embedder", verify=True)


def _refresher(root):
    context = runs.make_context(root)
    embedder = ict.random_embedder(context)
    made_from = {"embedder_weights": embedder.fingerprint, "blocks": context.blocks.fingerprint}
    settings = refresh.decisive(context)
    directory = context.directory(
        context.recipe("snapshot", settings=settings, made_from=made_from)
    )
    return refresh.Refresher.of(context, directory, runs.make_vectors(context))


def test_snapshot_that_a_resumed_run_reads_is_restored(tmp_path):
    whole = _snapshot(tmp_path, "float32")
    refresher = _refresher(tmp_path)
    for role in ("vectors", "index"):
        shutil.rmtree(getattr(whole, role).path)
    refresher.restore(0)
    assert snapshots.load(refresher.snapshot_dir, 0).vectors == whole.vectors
    shutil.rmtree(whole.embedder.path)
    with pytest.raises(types.UserError, match=r"has lost its embedder .* Delete .* again"):
        refresher.restore(0)


@pytest.mark.parametrize(
    "change",
    ["retrieval.dtype=float16", "retrieval.embed_dtype=bfloat16", "retrieval.index=scann"],
)
def test_other_settings_make_another_snapshot(tmp_path, change):
    first = _baseline(tmp_path)
    _baseline(tmp_path, change)
    assert len(list((tmp_path / "training").glob("snapshot-*"))) == 2
    assert _baseline(tmp_path) == first


def _baseline(root, *changes):
    context = runs.make_context(root, runs.make_config(*changes))
    return refresh.baseline_snapshot(
        context, ict.random_embedder(context), make_vectors=runs.make_vectors(context)
    )


def test_other_blocks_make_another_snapshot(tmp_path):
    context = runs.make_context(tmp_path)
    weights = ict.random_embedder(context)
    first = refresh.baseline_snapshot(context, weights, make_vectors=runs.make_vectors(context))
    blocks, spans = example_passages.segments(
        tmp_path / "other", example_passages.passages(seed=5, num_docs=19)
    )
    other = dataclasses.replace(context, blocks=blocks, spans=spans)
    second = refresh.baseline_snapshot(other, weights, make_vectors=runs.make_vectors(other))
    assert second.blocks.fingerprint == blocks.fingerprint != first.blocks.fingerprint
    table = vectors.VectorTable.open(second.segment("vectors"))
    assert len(table) == len(other.knowledge) != len(context.knowledge)
    # One of other blocks is not opened, wherever it comes from.
    mixed = refresh.Refresher.of(other, str(tmp_path / "x"), runs.make_vectors(other))
    snapshots.publish(mixed.snapshot_dir, first)
    with pytest.raises(types.UserError, match="do not belong together: their blocks differ"):
        mixed.load(0)


def test_recall_is_measured_with_masked_sentences_at_the_depths_that_are_used(tmp_path):
    snapshot = _baseline(tmp_path, "retrieval.index=scann", "retrieval.recall_floor=0.1")
    context = runs.make_context(tmp_path)
    count = len(context.knowledge)
    assert snapshot.recall.keys() == {"2", "6", "10", str(count)}
    (segment,) = (tmp_path / "segments").glob("recall_queries-*")
    packed = np.load(segment / "queries.npy")
    mask = context.tokenizer.vocab.index("[MASK]")
    assert (packed[0] == mask).any(axis=-1).all()
    assert packed.shape[::2] == (3, context.config.pretrain.query_length)


def test_damaged_vectors_are_not_published(tmp_path):
    whole = _snapshot(tmp_path, "float32")
    path = whole.segment("vectors").files("vectors-")[0]
    with open(path, "r+b") as f:
        f.seek(-3, os.SEEK_END)
        f.write(b"xyz")
    shutil.rmtree(whole.index.path)
    with pytest.raises(types.UserError, match="is damaged"):
        _snapshot(tmp_path, "float32")
