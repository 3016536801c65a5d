# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Documents that were changed while a run trains are carried from embedder to embedder.

A change of documents (`realm documents`) makes a revision of the snapshot that is the newest by
then. The next snapshot of the trainer is made of the run's own blocks; so it gets a revision of its
own, too, with the documents of the newest one: the same segments of blocks, and the same
tombstones, with vectors of its embedder. Until that is published, it is not taken up.

Whoever changes documents, and whoever carries them, holds the lease of the snapshots' directory:
no change is lost between two embedders.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import time
from collections.abc import Iterator
from typing import Any

from realm_tf import artifacts, types
from realm_tf.artifacts import leases
from realm_tf.retrieval import deletions, manifest, reading, snapshots, tombstones
from realm_tf.retrieval import view as view_lib
from realm_tf.training.engine import workers
from realm_tf.training.run import refresh as refresh_lib

SEGMENTS = "documents"  # directory, beside the snapshots, of what changes make
_PAUSE_SECS = 0.5
_LOGGER = logging.getLogger(__name__)


def are_due(directory: str, step: int) -> bool:
    """Whether the newest documents are of another step, so that they have to be carried to it."""
    newest = snapshots.list_versions(directory)[-1:]
    return any(version.revision and version.step != step for version in newest)


def carry(refresher: refresh_lib.Refresher, step: int, root: str) -> snapshots.Version:
    """Publishes the newest documents with the embedder of a step, if that is due.

    Args:
      refresher: Makes the snapshots; that of the step is there.
      step: Step of the trainer.
      root: Directory for vectors and index.

    Returns:
      The newest snapshot of the step.

    Raises:
      UserError: If a part of either snapshot is damaged.
    """
    directory = refresher.snapshot_dir
    if are_due(directory, step):
        with _alone(directory):
            if are_due(directory, step):  # still, when whoever changed documents has ended
                _carry(refresher, step, root)
    return [v for v in snapshots.list_versions(directory) if v.step == step][-1]


@contextlib.contextmanager
def _alone(directory: str) -> Iterator[None]:
    """Waits until nobody changes documents, and keeps others from it."""
    with contextlib.ExitStack() as stack:
        with workers.logged_wait("the end of a change of documents"):
            while True:
                try:
                    stack.enter_context(artifacts.hold(directory))
                    break
                except types.UserError:
                    if leases.holder_of(directory) is None:
                        raise
                    time.sleep(_PAUSE_SECS)
        yield


def _carry(refresher: refresh_lib.Refresher, step: int, root: str) -> None:
    directory = refresher.snapshot_dir
    version = snapshots.list_versions(directory)[-1]
    documents = snapshots.load(directory, *version, verify=False)  # of its vectors nothing is read
    base = refresher.load(step)
    with reading.hold(documents), reading.hold(base):
        layers = _base_layers(refresher, documents, base, root)
        reuse = [layers["vectors"].path]
        layers["deltas"] = tuple(
            manifest.Delta(
                delta.blocks,
                _vectors(refresher, base, documents.open("blocks", delta.blocks), root, reuse),
            )
            for delta in documents.deltas
        )
        whole = base.changed(
            revision=snapshots.next_revision(directory),
            settings={"change": {"operation": "carry"}, "merged": False},
            **layers,
        )
        whole = dataclasses.replace(
            whole, parent=documents.step, parent_revision=documents.revision
        )
        made = snapshots.publish(directory, _without_deleted(whole, documents))
    _LOGGER.info("published %s: the documents of %s", made.name, documents.name)


def _base_layers(
    refresher: refresh_lib.Refresher,
    documents: snapshots.Snapshot,
    base: snapshots.Snapshot,
    root: str,
) -> dict[str, Any]:
    """Blocks, vectors and index of the base: those of the step, unless layers were merged."""
    if documents.blocks.fingerprint == base.blocks.fingerprint:
        return {"vectors": base.vectors}
    blocks = documents.segment("blocks")
    vectors = _vectors(refresher, base, blocks, root, [base.vectors.path])
    opened = artifacts.open_segment(vectors.path)
    index = refresher.build_index(base.segment("embedder"), opened, root)
    return {
        "blocks": documents.blocks,
        "vectors": vectors,
        "index": manifest.Part.of(index),
        "recall": manifest.recall_of(index),
    }


def _vectors(
    refresher: refresh_lib.Refresher,
    base: snapshots.Snapshot,
    blocks: artifacts.Segment,
    root: str,
    reuse: list[str],
) -> manifest.Part:
    return manifest.Part.of(refresher.make_vectors(base.segment("embedder"), root, blocks, reuse))


def _without_deleted(
    whole: snapshots.Snapshot, documents: snapshots.Snapshot
) -> snapshots.Snapshot:
    """The snapshot with the tombstones; its vectors of what they delete are kept as hashes."""
    if documents.tombstones is None:
        return dataclasses.replace(whole, deletions=documents.deletions)
    gone = tombstones.Tombstones.open(documents.open(tombstones.KIND, documents.tombstones))
    root = os.path.join(documents.directory, SEGMENTS)
    kept = deletions.write(root, view_lib.View(whole), gone.rows)
    return dataclasses.replace(
        whole,
        tombstones=documents.tombstones,
        deletions=(*documents.deletions, manifest.Part.of(kept)),
    )
