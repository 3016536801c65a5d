# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a snapshot's embedder computes in is a setting, and part of its name."""

import os

import numpy as np

from realm_tf.retrieval import vectors
from realm_tf.training.experiments import ict
from realm_tf.training.run import refresh
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
