# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A tiny system over a snapshot with deltas and tombstones, exported whole and in shards."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from realm_tf.evaluation import calibration
from realm_tf.retrieval import shards, snapshots, view
from serving import export, sharded_export
from tests.serving import tiny_snapshot, tiny_system

PLACES = ("Ohrid", "Paris", "Rome", "Vienna", "Zürich", "東京")
TEXTS = [
    (PLACES[n % 6], f"The lake of {PLACES[n % 6]} is {n} miles long. A day there is {n % 7}.")
    for n in range(48)
]
ADDED = (6, 2)
GONE = (0, 3, 17, 41, 46)
QUESTIONS = ["Where is the lake of Ohrid?", "", "Où est l'été à Zürich, 東京?", "a day in rome"]
CALIBRATION = calibration.Calibration(
    temperature=2.0, weights=(0.1, 0.2, 0.3, -0.2, 0.05), bias=-0.5
)


def numbers() -> np.ndarray:
    """Vectors of the documents, of which every second one has an equal in another shard."""
    found = np.random.default_rng(3).standard_normal((len(TEXTS), tiny_system.DIM))
    found[len(TEXTS) // 2 :: 2] = found[: len(TEXTS) // 2 : 2]
    return found.astype(np.float32)


def snapshot(root: str, gone: Sequence[int] = GONE) -> snapshots.Snapshot:
    """The snapshot of the system, below `root`."""
    return tiny_snapshot.make(root, TEXTS, numbers(), sizes_added=ADDED, gone=gone)


class System:
    """The system, which is exported in every form.

    Args:
      root: Directory of the snapshot.
    """

    def __init__(self, root: str):
        self.tokenizer = tiny_system.make_tokenizer()
        self.model, self.config = tiny_system.make_model(self.tokenizer)
        self.snapshot = snapshot(root)

    def made_from(self, of: snapshots.Snapshot) -> dict[str, str]:
        """What an export of a snapshot is made from."""
        return {
            "tokenizer": self.tokenizer.fingerprint,
            "embedder": of.embedder.fingerprint,
            "open_qa_weights": "e" * 64,
            "vectors": view.View(of).fingerprint,
        }

    def arguments(self, of: snapshots.Snapshot) -> dict[str, Any]:
        """Arguments of all exports."""
        return {
            "model": self.model,
            "tokenizer": self.tokenizer,
            "config": self.config,
            "snapshot_step": of.step,
            "made_from": self.made_from(of),
            "calibration": CALIBRATION,
            "block_tower": self.model.query_tower,
        }

    def export_whole(self, path: str) -> str:
        """Exports it as one model."""
        opened = view.View(self.snapshot)
        of_corpus = {"table": opened.table, "vectors": opened.vectors}
        export.export(**of_corpus, **self.arguments(self.snapshot), path=path)
        return path

    def export_shards(
        self, path: str, count: int = 2, *, of: snapshots.Snapshot | None = None, **changes: Any
    ) -> str:
        """Exports it in shards; `changes` are other arguments."""
        of = of or self.snapshot
        parts = (sharded_export.Part(v.table, v.vectors) for v in shards.views(of, count))
        arguments = {"path": path, **self.arguments(of), **changes}
        return sharded_export.export(parts, shards.fingerprints(of, count), **arguments)


def shard_paths(path: str, count: int = 2) -> list[str]:
    """Directories of the shards of an export."""
    return [os.path.join(path, f"shard-{n:05d}-of-{count:05d}") for n in range(count)]
