# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Adds, updates and deletes documents: a new revision of a snapshot.

Only the documents of the given files are cut, and of these only the new and changed blocks are
embedded, with the snapshot's own embedder. The last thing that is written is the snapshot's file:
what is killed before has changed nothing, and given again it goes on where it stopped.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from beam_jobs import embed_blocks
from realm_tf import artifacts, types
from realm_tf.artifacts import gfile
from realm_tf.commands.documents import collecting, compaction
from realm_tf.commands.documents import cut as cut_lib
from realm_tf.commands.documents import target as target_lib
from realm_tf.data.blocks import keys, selection
from realm_tf.data.blocks import table as block_table
from realm_tf.retrieval import deletions, manifest, snapshots
from realm_tf.retrieval import view as view_lib

ADD, UPDATE, DELETE = "add", "update", "delete"
_NO_FILES = cut_lib.Files(())
_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Request:
    """Which documents the user wants to add, update or delete.

    Attributes:
      operation: `ADD`, `UPDATE` or `DELETE`.
      files: Files of the documents that are added or updated.
      doc_ids: Ids of those that are deleted.
      missing_ok: Whether documents to update that are not there are added, and those to delete
        that are not there passed over.
    """

    operation: str
    files: cut_lib.Files = _NO_FILES
    doc_ids: tuple[str, ...] = ()
    missing_ok: bool = False


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a change does.

    Attributes:
      operation: See `Request`.
      added: Ids of documents that are new.
      replaced: Ids of those that become others.
      deleted: Ids of those that go.
      unchanged: Ids of those that are in the files as they are in the snapshot.
      new_rows: <int64>[any] rows of the cut table that are added.
      gone: <int64>[any] live rows of the view that go.
      num_embedded: Blocks without a vector; the others of `new_rows` keep theirs.
    """

    operation: str
    added: tuple[str, ...]
    replaced: tuple[str, ...]
    deleted: tuple[str, ...]
    unchanged: tuple[str, ...]
    new_rows: np.ndarray
    gone: np.ndarray
    num_embedded: int

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return not len(self.new_rows) and not len(self.gone)

    def facts(self) -> dict[str, Any]:
        """Numbers of documents and blocks, by name."""
        groups = ("added", "replaced", "deleted", "unchanged")
        return {
            "operation": self.operation,
            **{f"documents_{name}": len(getattr(self, name)) for name in groups},
            "blocks_added": len(self.new_rows),
            "blocks_embedded": self.num_embedded,
            "blocks_deleted": len(self.gone),
        }


def change(target: target_lib.Target, request: Request) -> tuple[Plan, snapshots.Snapshot]:
    """Changes documents, merges layers, and removes old revisions.

    The last two as `retrieval.max_delta_fraction` and `retrieval.keep_revisions` say.

    Returns:
      What was done, and the newest snapshot.

    Raises:
      UserError: If a document to add is there, one to update or delete is not, nothing would be
        left, another process changes the documents, or as the blocks job and the embedding job.
    """
    with target.held():
        if target.run is not None:
            target.run.keep()
        with target.reading() as snapshot:
            planned = _publish(target, request, snapshot)
        newest = compaction.by_rule(target, target.newest())
        collecting.by_rule(target, newest)
        return planned, newest


def _publish(target: target_lib.Target, request: Request, snapshot: snapshots.Snapshot) -> Plan:
    """Publishes what a request makes of a snapshot, if that changes anything."""
    made = _cut(target, request, snapshot, os.path.join(target.root, "cut"))
    view, table = view_lib.View(snapshot), cut_lib.open_table(made) if made else None
    planned = _plan(view, table, request)
    if not planned.is_empty:
        layers = _layers(target, view, table, planned, request.files.beam_args)
        settings = {"change": planned.facts(), "merged": False}
        revision = snapshots.next_revision(target.directory)
        changed = snapshot.changed(revision=revision, settings=settings, **layers)
        snapshots.publish(target.directory, changed)
        _LOGGER.info("published %s", changed.name)
    for segment in made:  # of which the delta has what it needs
        gfile.rmtree(segment.path)
    return planned


def preview(target: target_lib.Target, request: Request) -> Plan:
    """What a change would do; nothing is written.

    Raises:
      UserError: As `change`.
    """
    scratching = tempfile.TemporaryDirectory(prefix="documents-")
    with target.reading() as snapshot, scratching as scratch:
        made = _cut(target, request, snapshot, scratch)
        table = cut_lib.open_table(made) if made else None
        return _plan(view_lib.View(snapshot), table, request)


def _cut(
    target: target_lib.Target, request: Request, snapshot: snapshots.Snapshot, root: str
) -> list[artifacts.Segment]:
    if request.operation == DELETE:
        return []
    vocab = target.vocab_of(snapshot)
    return cut_lib.cut(request.files, vocab, target.config_of(snapshot), root)


def _plan(view: view_lib.View, table: block_table.BlockTable | None, request: Request) -> Plan:
    given = {} if table is None else cut_lib.documents(table, np.arange(len(table)))
    wanted = dict.fromkeys(request.doc_ids if table is None else given)
    doc_keys = np.array([keys.doc_key(doc_id) for doc_id in wanted], np.uint64)
    found = cut_lib.documents(view.table, view.rows_of(doc_keys))
    there = {doc_id: found[doc_id] for doc_id in wanted if doc_id in found}
    _check(request, wanted.keys(), there.keys())
    same = set()
    if table is not None:
        both = ((d, rows) for d, rows in given.items() if d in there)
        same = {d for d, rows in both if _is_same(view.table, there[d], table, rows)}
    gone = _joined(rows for doc_id, rows in there.items() if doc_id not in same)
    new_rows = _joined(rows for doc_id, rows in given.items() if doc_id not in same)
    if len(gone) == len(view.table) and not len(new_rows):
        raise types.UserError(
            "No document would be left, and a snapshot needs one to find. Keep at least one."
        )
    ids = np.zeros(0, np.uint64) if table is None else table.scalar("block_id", new_rows)
    kept = np.delete(np.arange(len(view.table)), gone)
    _check_ids(ids, view.table.scalar("block_id", kept))
    had = np.isin(ids, view.table.scalar("block_id", gone))
    return Plan(
        operation=request.operation,
        added=tuple(d for d in given if d not in there),
        replaced=tuple(d for d in given if d in there and d not in same),
        deleted=tuple(d for d in there if d not in given),
        unchanged=tuple(sorted(same)),
        new_rows=new_rows,
        gone=gone,
        num_embedded=int(np.count_nonzero(~had)),
    )


def _check(request: Request, wanted: Any, there: Any) -> None:
    missing = [doc_id for doc_id in wanted if doc_id not in there]
    if request.operation == ADD and there:
        raise types.UserError(
            f"{cut_lib.shown(there)}: the snapshot has a document with this id. Take realm"
            " documents update to replace what is there."
        )
    if request.operation != ADD and missing and not request.missing_ok:
        cure = "adds what is not there" if request.operation == UPDATE else "passes them over"
        raise types.UserError(
            f"{cut_lib.shown(missing)}: the snapshot has no document with this id. realm documents"
            f" list shows all; --missing-ok {cure}."
        )


def _check_ids(new: np.ndarray, kept: np.ndarray) -> None:
    clash = new[np.isin(new, kept)]
    if len(clash):
        raise types.UserError(
            f"Block id {clash[0]} is there already: two hashes have collided. Change the text or"
            " the id of the document a little."
        )


def _is_same(
    old: block_table.BlockTable,
    old_rows: np.ndarray,
    new: block_table.BlockTable,
    new_rows: np.ndarray,
) -> bool:
    """Whether a document's blocks are the same, with their places and the metadata."""
    if len(old_rows) != len(new_rows):
        return False
    columns = ("block_id", "doc_byte_start")
    same = (np.array_equal(old.scalar(c, old_rows), new.scalar(c, new_rows)) for c in columns)
    return all(same) and old.metadata(int(old_rows[0])) == new.metadata(int(new_rows[0]))


def _joined(parts: Any) -> np.ndarray:
    return np.sort(np.concatenate([np.zeros(0, np.int64), *parts]))


def _layers(
    target: target_lib.Target,
    view: view_lib.View,
    table: block_table.BlockTable | None,
    planned: Plan,
    beam_args: Sequence[str],
) -> dict[str, Any]:
    """Writes the segments of a change; returns what `Snapshot.changed` takes of them."""
    snapshot = view.snapshot
    layers: dict[str, Any] = {}
    if len(planned.gone):
        # In both: an old text that is no more in the new one is deleted, too.
        kept = deletions.write(target.root, view, planned.gone)
        layers["deletions"] = (*snapshot.deletions, manifest.Part.of(kept))
        gone = view.tombstones | view.tombstones.to_stored(planned.gone)
        marks = gone.write(target.root, blocks=snapshot.blocks.fingerprint)
        layers["tombstones"] = manifest.Part.of(marks)
    if table is not None and len(planned.new_rows):
        delta = _delta(target, view, table, planned, beam_args)
        layers["deltas"] = (*snapshot.deltas, delta)
    return layers


def _delta(
    target: target_lib.Target,
    view: view_lib.View,
    table: block_table.BlockTable,
    planned: Plan,
    beam_args: Sequence[str],
) -> manifest.Delta:
    snapshot, config = view.snapshot, target.config_of(view.snapshot)
    base = snapshot.segment("blocks")
    rows = selection.by_shard(table, planned.new_rows, _num_shards(len(planned.new_rows)))
    blocks = selection.write(
        target.root,
        table,
        rows,
        settings={**base.settings, "num_shards": len(rows)},
        made_from={
            "tokenizer": table.tokenizer,
            "corpus": artifacts.digest([table.blocks, planned.new_rows.tolist()]),
        },
    )
    length = snapshot.segment("vectors").settings.get("length", config.blocks.length)
    config = dataclasses.replace(config, blocks=dataclasses.replace(config.blocks, length=length))
    params = embed_blocks.Params(
        blocks.path, snapshot.embedder.path, target.vocab_of(snapshot), target.root, config
    )
    known = [part.path for part in snapshot.all_vectors] if planned.replaced else []
    vectors = embed_blocks.embed_blocks(params, reuse=known, beam_args=beam_args)
    return manifest.Delta(manifest.Part.of(blocks), manifest.Part.of(vectors))


_SHARD_ROWS = 1 << 14


def _num_shards(num_rows: int) -> int:
    return max(1, -(-num_rows // _SHARD_ROWS))
