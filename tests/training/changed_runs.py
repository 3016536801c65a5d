# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A tiny run whose documents are changed, and merged, while it trains."""

from __future__ import annotations

import json
import pathlib

import numpy as np
import pytest

from realm_tf.commands.documents import change, compaction, cut, target
from realm_tf.data.blocks import table as block_table
from realm_tf.data.examples import masked_batches
from realm_tf.training.experiments import ict, pretrain, warmup
from realm_tf.training.run import swap_log, sync_refreshing
from realm_tf.training.run import system as system_lib
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


class ChangedRun:
    """A run whose documents are changed at step 3, and merged at step 7."""

    def __init__(self, root: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
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

    def train(self, embed=lambda job, *given: job(*given)) -> system_lib.System:
        """Trains it; `embed` stands between the refresh and the job that embeds."""
        job = runs.make_vectors(self.context)
        return pretrain.train(
            self.context,
            embedder_weights=ict.random_embedder(self.context),
            reader_weights=warmup.train(self.context),
            make_vectors=lambda *given: embed(job, *given),
        )

    @property
    def log(self) -> pathlib.Path:
        """Its log of swaps."""
        (path,) = pathlib.Path(self.context.training_dir).glob("pretrain-*/swaps.json")
        return path

    def swaps(self) -> list[tuple[int, int, int]]:
        """What is in it."""
        return swaps_of(self.log)


def swaps_of(log: pathlib.Path) -> list[tuple[int, int, int]]:
    """Batch, step of the snapshot, and revision of every swap of a log."""
    swaps = swap_log.read(str(log), "")
    return [(swap.batch_index, swap.snapshot_step, swap.revision) for swap in swaps]


# Delete and add are revisions 1 and 2, the refresh at step 5 carries them, the merge is the fourth.
SWAPS = [(0, 0, 0), (4, 0, 2), (6, 5, 3), (8, 5, 4)]
