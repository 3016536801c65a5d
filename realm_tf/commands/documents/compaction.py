# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Merges the layers of a snapshot into a new base, without what was deleted.

Nothing is cut or embedded again: blocks and vectors are copied, shard by shard, and an index is
built over them. What the older snapshots need stays; see `purging`.
"""

from __future__ import annotations

import logging

import numpy as np

from realm_tf import artifacts
from realm_tf.commands.documents import collecting
from realm_tf.commands.documents import target as target_lib
from realm_tf.data.blocks import selection
from realm_tf.retrieval import index as index_lib
from realm_tf.retrieval import manifest, snapshots
from realm_tf.retrieval import vectors as vectors_lib
from realm_tf.retrieval import view as view_lib

_LOGGER = logging.getLogger(__name__)


def by_rule(target: target_lib.Target, snapshot: snapshots.Snapshot) -> snapshots.Snapshot:
    """Merges the layers if they have grown over `retrieval.max_delta_fraction`."""
    fraction = delta_fraction(snapshot)
    if not has_layers(snapshot) or fraction <= target.config.retrieval.max_delta_fraction:
        return snapshot
    _LOGGER.info("%.0f%% of the rows of the base have changed: merging", 100 * fraction)
    return _merge(target)


def compact(target: target_lib.Target) -> snapshots.Snapshot:
    """Merges the layers of the newest snapshot, if it has some, and removes old revisions by rule.

    Returns:
      The newest snapshot.

    Raises:
      UserError: If blocks or vectors are damaged, or another process changes the documents.
    """
    with target.held():
        snapshot = target.newest()
        merged = _merge(target) if has_layers(snapshot) else snapshot
        collecting.by_rule(target, merged)
        return merged


def has_layers(snapshot: snapshots.Snapshot) -> bool:
    """Whether there is anything to compact: layers of a snapshot besides its base."""
    return bool(snapshot.deltas) or snapshot.tombstones is not None


def delta_fraction(snapshot: snapshots.Snapshot) -> float:
    """How much there is to compact: rows added or deleted since the base, by its number of rows."""
    base, *added = (s.counts["blocks"] for s in snapshot.open_all("blocks", snapshot.all_blocks))
    gone = len(view_lib.View(snapshot).tombstones)
    return (sum(added) + gone) / base


def _merge(target: target_lib.Target) -> snapshots.Snapshot:
    with target.reading() as snapshot:
        return _merged(target, snapshot)


def _merged(target: target_lib.Target, snapshot: snapshots.Snapshot) -> snapshots.Snapshot:
    view = view_lib.View(snapshot, verify=True)
    base = snapshot.segment("blocks")
    num_shards = len(base.files("blocks-"))
    rows = selection.by_shard(view.table, np.arange(len(view.table)), num_shards)
    blocks = selection.write(
        target.root,
        view.table,
        rows,
        settings={**base.settings, "num_shards": num_shards},
        made_from={"tokenizer": view.table.tokenizer, "corpus": view.table.blocks},
    )
    vectors = _vectors(target.root, view, rows, blocks)
    of_index = snapshot.segment("index").settings
    index = index_lib.build(
        target.root,
        vectors,
        target.config_of(snapshot).retrieval,
        k=of_index.get("k", index_lib.DEFAULT_K),
        gates=of_index.get("gates", ()),
    )
    merged = snapshot.changed(
        revision=snapshots.next_revision(target.directory),
        settings={"change": {"operation": "compact"}, "merged": True},
        blocks=manifest.Part.of(blocks),
        vectors=manifest.Part.of(vectors),
        index=manifest.Part.of(index),
        recall=manifest.recall_of(index),
        deltas=(),
        tombstones=None,
    )
    snapshots.publish(target.directory, merged)
    _LOGGER.info("published %s: %d blocks in one base", merged.name, len(view.table))
    return merged


def _vectors(
    root: str, view: view_lib.View, rows: list[np.ndarray], blocks: artifacts.Segment
) -> artifacts.Segment:
    """Copies the vectors of rows, shard by shard, as the vectors of `blocks`."""
    old = view.snapshot.segment("vectors")
    settings = {**old.settings, "merged": view.fingerprint}
    made_from = {"blocks": blocks.fingerprint, "embedder": view.snapshot.embedder.fingerprint}
    path = artifacts.recipe_path(root, vectors_lib.KIND, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        return artifacts.open_segment(path, vectors_lib.KIND)
    writer = artifacts.SegmentWriter(
        path, kind=vectors_lib.KIND, settings=settings, made_from=made_from
    )
    for number, of_shard in enumerate(rows):
        names = vectors_lib.write_shard(
            path,
            number,
            len(rows),
            block_ids=view.table.scalar("block_id", of_shard),
            vectors=view.vectors.gather(of_shard),
            dtype=old.settings.get("dtype", "float32"),
        )
        for name in names:
            writer.add(name, num_records=len(of_shard))
    return writer.commit(blocks=sum(map(len, rows)))
