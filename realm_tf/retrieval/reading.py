# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reading a snapshot while others publish and collect: whoever reads one holds a lease of it.

The leases are in `readers/`, beside the snapshots' files. Those who delete snapshots leave out what
is `in_use`, remove the snapshot's file first, so that nobody finds it any more, and look once more
before they remove its segments. So a reader gets the snapshot, whole, or an error that says that it
was deleted.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from realm_tf import types
from realm_tf.artifacts import gfile, leases, reader_leases
from realm_tf.retrieval import snapshots

_READERS = "readers"


@contextlib.contextmanager
def hold(snapshot: snapshots.Snapshot) -> Iterator[None]:
    """Keeps a snapshot and its segments from being deleted for as long as the block lasts.

    Raises:
      UserError: If it was deleted since it was loaded.
    """
    path = snapshots.path_of(snapshot.directory, snapshot.step, snapshot.revision)
    readers = os.path.join(snapshot.directory, _READERS)
    with reader_leases.hold(readers, os.path.basename(path)):
        if not gfile.exists(path):
            raise types.UserError(
                f"{path} was deleted before it could be read: old snapshots are. Give the same"
                " command again, for the newest one."
            )
        yield


def in_use(directory: str) -> dict[snapshots.Version, leases.Holder]:
    """The snapshots of a directory that are read, each with one who reads it."""
    names = reader_leases.holders(os.path.join(directory, _READERS))
    found = {snapshots.version_of(name): holder for name, holder in names.items()}
    return {version: holder for version, holder in found.items() if version is not None}


def refuse_in_use(directory: str, kept: snapshots.Version | None = None) -> None:
    """Stops a deletion of snapshots that are read.

    Args:
      directory: Directory of the snapshots.
      kept: The one that is not deleted.

    Raises:
      UserError: If another one is read, naming it and the reader.
    """
    for version, holder in in_use(directory).items():
        if version != kept:
            path = snapshots.path_of(directory, *version)
            raise types.UserError(
                f"{path} is read by process {holder.pid} on {holder.host} since {holder.since}."
                " Wait until it ends, or end it; then give the same command again."
            )
