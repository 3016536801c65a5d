# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Snapshots: an embedder, its vectors, their index and the blocks, bound together.

A snapshot is one small immutable file: `snapshots/step-000000500.json` is the trainer's of step
500, and `snapshots/step-000000500-r0002.json` is what it became by two changes of its documents
(see `manifest`). Publishing is creating that file, which fails if it exists: on a mounted
filesystem two publishers cannot both succeed. Object stores have one writer, the holder of the
run's lease. `LATEST` is a hint for people; readers list the directory and take the newest snapshot
that is whole: the one of the last revision, and of these the one of the last step.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import re
from collections.abc import Sequence
from typing import NamedTuple

from realm_tf import artifacts, types
from realm_tf.artifacts import gfile
from realm_tf.retrieval import manifest

LATEST = "LATEST"
PARTS = manifest.PARTS
Part = manifest.Part
Delta = manifest.Delta
Snapshot = manifest.Snapshot

_NAME = re.compile(r"step-(\d{9,})(?:-r(\d{4,}))?\.json")
_LOGGER = logging.getLogger(__name__)


class Version(NamedTuple):
    """Which snapshot of a directory: a step of the trainer, and a revision of the documents."""

    step: int
    revision: int = 0

    @property
    def age(self) -> tuple[int, int]:
        """What snapshots sort by: those of newer documents come later; then, of newer embedders."""
        return self.revision, self.step


def path_of(directory: str, step: int, revision: int = 0) -> str:
    """Where the snapshot of a step, or a revision of it, is."""
    suffix = f"-r{revision:04d}" if revision else ""
    return os.path.join(directory, f"step-{step:09d}{suffix}.json")


def version_of(name: str) -> Version | None:
    """Which snapshot a file of this name holds; None if it holds none."""
    match = _NAME.fullmatch(name)
    return match and Version(int(match.group(1)), int(match.group(2) or 0))


def publish(directory: str, snapshot: Snapshot) -> Snapshot:
    """Publishes a snapshot; publishing it again changes nothing.

    Args:
      directory: Directory of the snapshots. Local segments are named relative to it, so a work
        directory may be moved as a whole.
      snapshot: As `Snapshot.of` or `Snapshot.changed` makes it.

    Returns:
      The snapshot, which knows where it is.

    Raises:
      UserError: If its step and revision were published with other parts: snapshots never change.
    """
    gfile.makedirs(directory)
    path = path_of(directory, snapshot.step, snapshot.revision)
    try:
        artifacts.create_text(
            path, json.dumps(manifest.to_json(directory, snapshot), indent=1, sort_keys=True)
        )
    except FileExistsError:
        there = load(directory, snapshot.step, snapshot.revision, verify=False)
        if _fingerprints(there) != _fingerprints(snapshot):
            raise types.UserError(
                f"{path} is already published with other parts, and snapshots never change."
                " Two runs may be sharing this directory: give each its own."
            ) from None
    artifacts.write_text(os.path.join(directory, LATEST), f"{os.path.basename(path)}\n")
    return dataclasses.replace(snapshot, directory=directory)


def _fingerprints(snapshot: Snapshot) -> list[tuple[str, str]]:
    return [(kind, part.fingerprint) for kind, part in snapshot.parts()]


def list_versions(directory: str) -> list[Version]:
    """All snapshots, whole or not, sorted by `Version.age`."""
    if not gfile.isdir(directory):
        return []
    found = filter(None, map(version_of, gfile.listdir(directory)))
    return sorted(found, key=lambda version: version.age)


def next_revision(directory: str) -> int:
    """The number of the revision that the next change makes, whatever step it is of."""
    return 1 + max((version.revision for version in list_versions(directory)), default=0)


def list_steps(directory: str) -> list[int]:
    """Steps of the snapshots in a directory, whole or not, in order; no changes of documents."""
    return [version.step for version in list_versions(directory) if not version.revision]


def load(directory: str, step: int, revision: int = 0, *, verify: bool = True) -> Snapshot:
    """Loads the snapshot of a step.

    Args:
      directory: Directory of the snapshots.
      step: One of `list_steps`.
      revision: Which of its revisions; 0: the trainer's own.
      verify: Whether its parts must be there, be whole (by size), and belong together.

    Raises:
      UserError: If it is missing or damaged, or its parts do not belong together.
    """
    path = path_of(directory, step, revision)
    snapshot = manifest.from_json(directory, path, artifacts.read_json(path))
    if (snapshot.step, snapshot.revision) != (step, revision):
        raise types.UserError(f"{path} says that it is of {snapshot.name}. It was renamed.")
    if verify:
        opened = {part.path: snapshot.open(kind, part) for kind, part in snapshot.parts()}
        manifest.check_together(snapshot, opened)
    return snapshot


def newest(directory: str, step: int | None = None) -> Snapshot | None:
    """The newest snapshot that is whole, None if there is none; a warning says what was skipped.

    Args:
      directory: Directory of the snapshots.
      step: Which step's; None: the newest.

    Raises:
      UserError: If the newest is a damaged revision: the one before holds what was deleted since.
    """
    while True:
        versions = list_versions(directory)
        found = _newest_of(directory, [v for v in versions if step in (None, v.step)])
        # While it was looked at, all may have been replaced, and collected.
        if found is not None or list_versions(directory) == versions:
            return found


def _newest_of(directory: str, versions: Sequence[Version]) -> Snapshot | None:
    for version in reversed(versions):
        try:
            return load(directory, *version)
        except types.UserError as error:
            if not gfile.exists(path_of(directory, *version)):
                continue  # collected since a moment ago
            name = os.path.basename(path_of(directory, *version))
            if version.revision:
                raise types.UserError(
                    f"{name} cannot be opened: {error} It is a change of documents, and the"
                    " snapshot before it holds documents that were deleted or replaced by it."
                    f" Restore the file that is named; or delete {path_of(directory, *version)} if"
                    " they may be found again, and make the change once more."
                ) from error
            _LOGGER.warning("skipping the snapshot of step %d (%s): %s", version.step, name, error)
    return None


def delete(directory: str, step: int, revision: int = 0) -> None:
    """Removes the snapshot's file, if it is there; its segments and other revisions stay."""
    with contextlib.suppress(FileNotFoundError):
        gfile.remove(path_of(directory, step, revision))


def delete_all(directory: str, step: int) -> None:
    """Removes the files of the snapshot of a step and of all its revisions; segments stay."""
    for version in list_versions(directory):
        if version.step == step:
            delete(directory, *version)
