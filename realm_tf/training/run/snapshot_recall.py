# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What every snapshot of joint training finds for masked sentences of held-out documents.

`held_out_recall` is the share of sentences for which what is masked stands in one of the blocks
that the reader would get; the sentence's own block is none of them. `held_out_different_blocks` is
how many different blocks all sentences find together, as a share of how many they could find.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from realm_tf import artifacts, types
from realm_tf.artifacts import gfile
from realm_tf.data.blocks import table as block_table
from realm_tf.data.examples import masked_batches
from realm_tf.retrieval import retriever as retriever_lib
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import masked_examples

FILE = "snapshot_recall.json"
_LOGGER = logging.getLogger(__name__)
_MOST_EXAMPLES = 256
_BATCH = 64

Measure = Callable[[retriever_lib.Retriever], Mapping[str, float]]


def figures(
    batches: Iterable[masked_batches.MaskedBatch], table: block_table.BlockTable
) -> dict[str, float]:
    """The two figures of batches that a snapshot has found blocks for; see the module."""
    hits, places, found = [], 0, set()
    for batch in batches:
        for rows, ids, weights in zip(
            batch.candidate_rows, batch.mask_targets, batch.mask_weights, strict=True
        ):
            retrieved, masked = rows[rows >= 0].tolist(), ids[weights > 0]
            hits.append(any(_holds(table, row, masked) for row in retrieved))
            places += len(retrieved)
            found.update(retrieved)
    most = max(1, min(places, len(table)))
    return {
        "held_out_recall": float(np.mean(hits)),
        "held_out_different_blocks": len(found) / most,
    }


def _holds(table: block_table.BlockTable, row: int, masked: np.ndarray) -> bool:
    return masked_batches.contains(table.token_ids(row), masked)


def measuring(context: context_lib.Context) -> Measure:
    """What measures the search of a snapshot; always on the same examples."""
    most = min(_MOST_EXAMPLES, context.config.pretrain.held_out_examples)
    size = min(_BATCH, most)

    @functools.cache
    def batches() -> masked_batches.MaskedBatches:
        return masked_examples.make_batches(
            context, held_out=True, batch_size=size, stage="pretrain/snapshots"
        )

    def measure(retrieve: retriever_lib.Retriever) -> Mapping[str, float]:
        table = context.knowledge if retrieve.table is None else retrieve.table
        numbers = range(-(-most // size))
        made = (batches().make_batch(i, retrieve, knowledge=table) for i in numbers)
        return figures(made, table)

    return measure


class SnapshotRecall:
    """The figures of the snapshots of one training, kept in a file; threads may call it.

    Args:
      directory: Directory of the training.
      measure: Measures a snapshot.
    """

    def __init__(self, directory: str, measure: Measure):
        self._path, self._measure = os.path.join(directory, FILE), measure
        self._lock = threading.Lock()
        self._known = read(directory)

    def note(self, step: int, retrieve: retriever_lib.Retriever) -> None:
        """Measures the snapshot of a step, unless that was done."""
        if step in self._known:
            return
        measured = dict(self._measure(retrieve))
        with self._lock:
            self._known[step] = measured
            self._write()

    def of(self, step: int) -> Mapping[str, float]:
        """The figures of a snapshot; none if it was not measured."""
        return self._known.get(step, {})

    def rewind(self, step: int) -> None:
        """Forgets the snapshots of later steps: the training resumes at `step`."""
        with self._lock:
            kept = {s: found for s, found in self._known.items() if s <= step}
            if kept != self._known:
                self._known = kept
                self._write()

    def _write(self) -> None:
        try:
            artifacts.write_text(self._path, json.dumps(self._known, indent=1) + "\n")
        except OSError as error:  # such as a full disk: no reason to refuse a snapshot
            _LOGGER.warning("%s is not written (%s)", self._path, error)


def read(directory: str) -> dict[int, dict[str, float]]:
    """Step to figures of all snapshots that were measured; none if the file is damaged."""
    path = os.path.join(directory, FILE)
    if not gfile.exists(path):
        return {}
    try:
        return {int(step): dict(found) for step, found in artifacts.read_json(path).items()}
    except (types.UserError, AttributeError, TypeError, ValueError):
        return {}  # it is measured again
