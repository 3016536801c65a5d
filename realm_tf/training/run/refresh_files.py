# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The files by which a trainer and a refresher work together, in the directory of the training.

- `exports/step-000000500.json` names an embedder that the trainer exports. It is there before the
  export, so that nothing of an export that was killed is without a name; the export counts once its
  segment is complete.
- `exports/step-000000500/` holds the segments of that step: the embedder, then the vectors and the
  index that the refresher makes of it.
- `snapshots/` is what the refresher has published; see `snapshots`.
- `swaps.json` is what the trainer has taken up; see `swap_log`.
- `refresh_failure.json` is what the last refresh failed of, until one succeeds.

A snapshot counts for its trainer if it is of the very export that is there: a trainer that resumes
forgets the exports that were made after its checkpoint, and a refresher may still work on one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
from collections.abc import Iterator
from typing import Any

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.artifacts import gfile
from realm_tf.retrieval import reading, snapshots
from realm_tf.training.engine import checkpoints
from realm_tf.training.run import swap_log

_STEP = re.compile(r"step-(\d{9,})(?:\.json)?")


@dataclasses.dataclass(frozen=True)
class Export:
    """An embedder that the trainer has exported, or is exporting.

    Attributes:
      step: Step of the trainer.
      embedder: Directory of its segment.
      exported: When, in seconds of Unix time by the trainer's clock.
    """

    step: int
    embedder: str
    exported: float

    def is_complete(self) -> bool:
        """Whether the segment is there."""
        return artifacts.is_complete(self.embedder)


@dataclasses.dataclass(frozen=True)
class Failure:
    """What a refresh failed of: its step, and one line."""

    step: int
    reason: str


class RefreshFiles:
    """The files of one training's refreshes; see the module.

    Args:
      directory: Directory of the training.
    """

    def __init__(self, directory: str):
        self.directory = directory
        self.snapshot_dir = os.path.join(directory, "snapshots")
        self.swaps = os.path.join(directory, "swaps.json")
        self._exports = os.path.join(directory, "exports")
        self._failure = os.path.join(directory, "refresh_failure.json")

    def root(self, step: int) -> str:
        """Where the segments of an export go."""
        return os.path.join(self._exports, f"step-{step:09d}")

    def announce(self, export: Export) -> None:
        """Names an export that is about to be written below `root`."""
        gfile.makedirs(self._exports)
        body = {"embedder": os.path.basename(export.embedder), "exported": export.exported}
        artifacts.write_text(f"{self.root(export.step)}.json", json.dumps(body) + "\n")

    def exports(self) -> dict[int, Export]:
        """The exports that are named, by step in increasing order."""
        found = {}
        for step in _steps(self._exports, ".json"):
            with contextlib.suppress(types.UserError, KeyError, TypeError):  # just deleted
                body = artifacts.read_json(f"{self.root(step)}.json")
                embedder = os.path.join(self.root(step), body["embedder"])
                found[step] = Export(step, embedder, float(body["exported"]))
        return found

    def published(self) -> list[int]:
        """Steps of the snapshots of these exports, and of the start, in increasing order."""
        exports = self.exports()
        return [s for s in snapshots.list_steps(self.snapshot_dir) if self._is_of(s, exports)]

    def versions(self) -> list[snapshots.Version]:
        """The published snapshots and their revisions, sorted by `Version.age`."""
        steps = set(self.published())
        return [v for v in snapshots.list_versions(self.snapshot_dir) if v.step in steps]

    def needed(self) -> set[snapshots.Version]:
        """What a batch may be made from if the training resumes at any of its checkpoints."""
        if not gfile.exists(self.swaps):  # no training is there
            return set()
        oldest = checkpoints.oldest_step(self.directory)
        return swap_log.SwapLog(self.swaps).in_use(oldest)

    def _is_of(self, step: int, exports: dict[int, Export]) -> bool:
        if step == 0:
            return True
        with contextlib.suppress(types.UserError):  # deleted, or damaged
            embedder = snapshots.load(self.snapshot_dir, step, verify=False).embedder.path
            name = os.path.basename(embedder)
            return step in exports and name == os.path.basename(exports[step].embedder)
        return False

    def pending(self) -> list[Export]:
        """Complete exports that are newer than every snapshot, in the order of their steps."""
        newest = max(self.published(), default=0)
        return [e for e in self.exports().values() if e.step > newest and e.is_complete()]

    def rewind(self, step: int) -> None:
        """Forgets what was exported and published after `step`: the training resumes there.

        The segments stay: if the training repeats itself, they are what it exports again. So does
        the newest revision, because nothing else tells the documents (`carried_documents`).
        """
        versions = snapshots.list_versions(self.snapshot_dir)
        for version in versions:
            if version.step > step and (version != versions[-1] or not version.revision):
                snapshots.delete(self.snapshot_dir, *version)
        for later in _steps(self._exports, ".json"):
            if later > step:
                _remove(f"{self.root(later)}.json")

    def collect(self, config: config_lib.RefreshConfig, *, has_ended: bool = False) -> None:
        """Deletes the snapshots that nobody needs, overtaken exports, and what was left of either.

        What stays: the first snapshot, the newest and the youngest ones, the one of the newest
        documents, those that a batch may be
        made from by the swap log if the training resumes at any of its checkpoints, those that are
        newer than what the trainer has taken up, and those that somebody reads (`reading`).

        Args:
          config: How many stay, and how long.
          has_ended: Whether the training has: then nothing is pending or being exported.
        """
        published = self.published()
        newest = max(published, default=0)
        versions = snapshots.list_versions(self.snapshot_dir)
        taken_up = swap_log.SwapLog(self.swaps).newest.step
        kept = {0, *published[-config.keep_snapshots :], *(v.step for v in self.needed())}
        kept |= {version.step for version in versions[-1:]}
        kept |= {step for step in published if step > taken_up}
        kept |= {step for step in published if self._is_young(step, config.keep_hours)}
        kept |= self._in_use()
        known = {*(v.step for v in versions), *_steps(self._exports, ("", ".json"))}
        for step in known:
            # What is newer than every snapshot is pending, or being exported.
            if step not in kept and (step < newest or has_ended):
                self._delete(step)

    def _is_young(self, step: int, hours: float) -> bool:
        with contextlib.suppress(types.UserError):  # damaged
            return snapshots.load(self.snapshot_dir, step, verify=False).is_younger(hours)
        return False

    def _in_use(self) -> set[int]:
        return {version.step for version in reading.in_use(self.snapshot_dir)}

    def _delete(self, step: int) -> None:
        snapshots.delete_all(self.snapshot_dir, step)
        if step in self._in_use():  # since a moment ago; the next collection has the rest
            return
        _remove(f"{self.root(step)}.json")
        if gfile.isdir(self.root(step)):
            gfile.rmtree(self.root(step))

    def failure(self) -> Failure | None:
        """What the last refresh failed of; None if it did not."""
        with contextlib.suppress(types.UserError, TypeError):
            if gfile.exists(self._failure):
                return Failure(**artifacts.read_json(self._failure))
        return None

    def tell_failure(self, failure: Failure | None) -> None:
        """Writes what a refresh failed of, for the trainer; None: it succeeded."""
        if failure is None:
            _remove(self._failure)
            return
        artifacts.write_text(self._failure, json.dumps(dataclasses.asdict(failure)) + "\n")


def refresher_directory(training_dir: str) -> str:
    """Directory of a run's refresher, which holds its lease and its log."""
    return os.path.join(training_dir, "refresher")


def _steps(directory: str, endings: Any) -> Iterator[int]:
    """The steps that entries of a directory with one of these endings name, in increasing order."""
    endings = {endings} if isinstance(endings, str) else set(endings)
    matches = (_STEP.fullmatch(name) for name in _names(directory))
    steps = {int(m.group(1)) for m in matches if m and m.group(0)[m.end(1) :] in endings}
    yield from sorted(steps)


def _names(directory: str) -> list[str]:
    if not gfile.isdir(directory):
        return []
    return [name.rstrip("/") for name in gfile.listdir(directory)]


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        gfile.remove(path)
