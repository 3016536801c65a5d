# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Removes what holds documents and is no part of the newest snapshot.

These are the older snapshots, and the segments of blocks, spans, vectors and indexes that they name
or that lie below the work directory, with the reports of the jobs that made them. Snapshots of
other systems of a run go with their segments.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator

from realm_tf import types
from realm_tf.artifacts import gfile
from realm_tf.commands.documents import target as target_lib
from realm_tf.retrieval import reading, snapshots

# Kinds of segments that hold documents.
KINDS = ("blocks", "spans", "vectors", "index", "recall_queries", "examples", "tombstones")


def purge(target: target_lib.Target) -> list[str]:
    """Removes; see the module. Segments go first: what is killed can be given again.

    Returns:
      The paths that are removed.

    Raises:
      UserError: If no snapshot is whole, another process changes the documents, or one reads what
        would be removed.
    """
    with target.held():
        kept = target.newest()
        for directory in {directory for directory, _ in _snapshots(target)}:
            is_here = directory == target.directory
            version = snapshots.Version(kept.step, kept.revision) if is_here else None
            reading.refuse_in_use(directory, version)
        needed = {os.path.realpath(part.path) for _, part in kept.parts()}
        old = [
            (directory, version)
            for directory, version in _snapshots(target)
            if (directory, version) != (target.directory, (kept.step, kept.revision))
        ]
        paths = {path for path in _segments(target, old) if os.path.realpath(path) not in needed}
        for path in sorted(paths):
            gfile.rmtree(path)
        for directory, version in old:
            snapshots.delete(directory, *version)
        return sorted(paths) + [snapshots.path_of(d, *version) for d, version in old]


def _snapshots(target: target_lib.Target) -> Iterator[tuple[str, snapshots.Version]]:
    """All snapshots, of a run those of its other systems, too."""
    folders = {target.directory}
    if target.workdir is not None:
        for folder, _, names in gfile.walk(target.workdir):
            if any(map(snapshots.version_of, names)):
                folders.add(os.path.normpath(folder))
    for folder in sorted(folders):
        yield from ((folder, version) for version in snapshots.list_versions(folder))


def _segments(
    target: target_lib.Target, old: Iterable[tuple[str, snapshots.Version]]
) -> Iterator[str]:
    """Directories of the segments, and of the jobs that made them."""
    for directory, version in old:
        with contextlib.suppress(types.UserError):  # a damaged one names nothing
            named = snapshots.load(directory, *version, verify=False)
            paths = (part.path for kind, part in named.parts() if kind in KINDS)
            yield from filter(gfile.isdir, paths)
    for folder, names, _ in list(gfile.walk(target.workdir or target.root)):
        for name in (name.rstrip("/") for name in names):
            if name.partition("-")[0] in KINDS and "-" in name:
                yield os.path.join(folder, name)
