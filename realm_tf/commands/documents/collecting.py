# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Removes old revisions of a snapshot by rule, and the segments that only they name.

The trainer's own snapshot, revision 0, stays: it is the training's to collect. So do the newest
revisions (`retrieval.keep_revisions`), the young ones (`retrieval.keep_revision_hours`), and those
that somebody reads.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator

from beam_jobs.engine import job_folder
from realm_tf import artifacts, types
from realm_tf.artifacts import gfile
from realm_tf.commands.documents import purging
from realm_tf.commands.documents import target as target_lib
from realm_tf.retrieval import reading, snapshots
from realm_tf.training.run import refresh_files

_LOGGER = logging.getLogger(__name__)


def by_rule(target: target_lib.Target, snapshot: snapshots.Snapshot) -> list[snapshots.Version]:
    """Removes the revisions that the rule does not keep; the caller holds the target.

    Args:
      target: Where the snapshots are.
      snapshot: The newest one.

    Returns:
      The revisions that are removed.
    """
    retrieval = target.config.retrieval
    if retrieval.keep_revisions is None:
        return []
    versions = [v for v in snapshots.list_versions(target.directory) if v.step == snapshot.step]
    training = refresh_files.RefreshFiles(os.path.dirname(target.directory))
    used = {*reading.in_use(target.directory), *training.needed()}
    old = [
        version
        for version in versions[: -retrieval.keep_revisions]
        if version.revision
        and version not in used
        and not _is_young(target, version, retrieval.keep_revision_hours)
    ]
    for version in old:
        snapshots.delete(target.directory, *version)
    if old:
        _LOGGER.info("removed %d old revisions of step %d", len(old), snapshot.step)
        _sweep_unless_used(target, old)
    return old


def _sweep_unless_used(target: target_lib.Target, old: list[snapshots.Version]) -> None:
    if set(old) & set(reading.in_use(target.directory)):
        return  # somebody found one a moment ago; the next collection has the segments
    try:
        _sweep(target)
    except types.UserError as error:
        _LOGGER.warning("segments of old revisions stay, because a snapshot is damaged: %s", error)


def _is_young(target: target_lib.Target, version: snapshots.Version, hours: float) -> bool:
    with contextlib.suppress(types.UserError):  # damaged
        return snapshots.load(target.directory, *version, verify=False).is_younger(hours)
    return False


def _sweep(target: target_lib.Target) -> None:
    """Removes what changes have made and no snapshot of the directory names, with its jobs."""
    needed = {os.path.basename(path) for path in _named(target)}
    for folder in (target.root, os.path.join(target.root, job_folder.JOBS)):
        for kind in purging.KINDS:
            for path in artifacts.paths_in(folder, prefix=f"{kind}-"):
                if os.path.basename(path) not in needed:
                    gfile.rmtree(path)


def _named(target: target_lib.Target) -> Iterator[str]:
    for version in snapshots.list_versions(target.directory):
        named = snapshots.load(target.directory, *version, verify=False)
        yield from (part.path for _, part in named.parts())
