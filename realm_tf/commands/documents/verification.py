# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Looks for what is left of deleted documents, in every file below a directory.

What is looked for was kept when they were deleted (`retrieval.deletions`): hashes of all pieces of
their texts, wordpieces and vectors. A piece that a document which is there says, too, does not
count. An approximate index that was built over the vectors may hold them in a form that no search
recognises; it is named by what it was made from.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tqdm

from realm_tf import artifacts, types
from realm_tf.artifacts import gfile, reader_leases
from realm_tf.commands.documents import cut as cut_lib
from realm_tf.commands.documents import target as target_lib
from realm_tf.data.blocks import keys
from realm_tf.data.traces import contents, windows
from realm_tf.retrieval import deletions, snapshots
from realm_tf.retrieval import view as view_lib


@dataclasses.dataclass(frozen=True)
class Report:
    """What was found.

    Attributes:
      files: How many files were read.
      traces: How many pieces were looked for.
      shared: How many pieces were not, because documents that are there say the same.
      found: Path of every file that holds something, to what it holds: the number of pieces by
        kind, or "vectors in another form" of an approximate index.
    """

    files: int
    traces: int
    shared: int
    found: Mapping[str, Mapping[str, int]]

    def facts(self) -> dict[str, Any]:
        """As JSON values."""
        return dataclasses.asdict(self)


def verify(target: target_lib.Target, doc_ids: Sequence[str], below: Sequence[str] = ()) -> Report:
    """Reads every file, and tells which hold something of deleted documents.

    Args:
      target: The snapshots that they were deleted from.
      doc_ids: Their ids.
      below: Files or directories to read besides the run, or the directory of the snapshots and
        the segments that they name.

    Raises:
      UserError: If one of the documents is there, or was not deleted from these snapshots.
    """
    with target.reading() as snapshot:
        return _verify(target, view_lib.View(snapshot), doc_ids, below)


def _verify(
    target: target_lib.Target, view: view_lib.View, doc_ids: Sequence[str], below: Sequence[str]
) -> Report:
    doc_keys = np.array([keys.doc_key(doc_id) for doc_id in doc_ids], np.uint64)
    kept = view.snapshot.open_all(deletions.KIND, view.snapshot.deletions)
    known = deletions.read(kept, doc_keys)
    _check(view, doc_ids, doc_keys, known)
    traces = deletions.without_live(known, view)
    finder, found, count = windows.Finder(traces["hash"]), {}, 0
    tainted = {fingerprint for segment in kept for fingerprint in segment.settings["vectors"]}
    paths = sorted({path for path in _files(target, below) if not reader_leases.is_one(path)})
    for path in tqdm.tqdm(paths, desc="files", disable=None):
        count += 1
        if kinds := _kinds(path, finder, traces) | _of_index(path, tainted):
            found[path] = kinds
    return Report(count, len(traces), len(known) - len(traces), found)


def _check(
    view: view_lib.View, doc_ids: Sequence[str], doc_keys: np.ndarray, known: np.ndarray
) -> None:
    there = set(doc_ids) & cut_lib.documents(view.table, view.rows_of(doc_keys)).keys()
    if there:
        raise types.UserError(
            f"{cut_lib.shown(there)}: the snapshot has a document with this id. Delete it first"
            " with realm documents delete."
        )
    lost = [d for d, key in zip(doc_ids, doc_keys, strict=True) if key not in known["doc_key"]]
    if lost:
        raise types.UserError(
            f"{cut_lib.shown(lost)}: no deletion of a document with this id is recorded in"
            f" {view.snapshot.directory}, so there is nothing to look for. Check the id."
        )


def _files(target: target_lib.Target, below: Sequence[str]) -> Iterator[str]:
    """Paths of the files that are read."""
    places = [target.workdir or target.directory, *below]
    if target.workdir is None:
        for version in snapshots.list_versions(target.directory):
            named = snapshots.load(target.directory, *version, verify=False)
            places += [part.path for _, part in named.parts()]
    for place in places:
        if gfile.isdir(place):
            for folder, _, names in gfile.walk(place):
                yield from (os.path.join(folder, name) for name in names)
        elif gfile.exists(place):
            yield place
        elif place in below:
            raise types.UserError(f"No such file or directory: {place}.")


def _kinds(path: str, finder: windows.Finder, traces: np.ndarray) -> dict[str, int]:
    """How many pieces of every kind a file holds."""
    hashes = [np.zeros(0, np.uint64), *(finder.find(data) for data in contents.read(path))]
    here = np.unique(traces[np.isin(traces["hash"], np.concatenate(hashes))][["kind", "hash"]])
    kinds, numbers = np.unique(here["kind"], return_counts=True)
    return {deletions.NAMES[k]: n for k, n in zip(kinds.tolist(), numbers.tolist(), strict=True)}


def _of_index(path: str, tainted: set[str]) -> dict[str, int]:
    """Whether a file is the manifest of an approximate index over vectors that held them."""
    if os.path.basename(path) != artifacts.MANIFEST:
        return {}
    try:
        segment = artifacts.read_json(path)
        is_made = not tainted.isdisjoint(segment["made_from"].values())
        is_other = segment["kind"] == "index" and segment["settings"]["backend"] != "exact"
    except (types.UserError, KeyError, TypeError, AttributeError):
        return {}
    return {"vectors in another form": 1} if is_made and is_other else {}
