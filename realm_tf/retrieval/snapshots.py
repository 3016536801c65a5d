# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Snapshots: an embedder, its vectors, their index and the blocks, bound together.

A snapshot is one small immutable file, `snapshots/step-000000500.json`. Publishing is creating that
file, which fails if it exists: on a mounted filesystem two publishers cannot both succeed. Object
stores have one writer, the run's refresher. `LATEST` is a hint for people; readers list the
directory and take the newest snapshot that is whole.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import logging
import os
import re
from collections.abc import Mapping
from typing import Any

from realm_tf import artifacts, types
from realm_tf.artifacts import gfile

LATEST = "LATEST"
SCHEMA_VERSION = 2
PARTS = ("embedder", "vectors", "index", "blocks")

_NAME = re.compile(r"step-(\d{9,})\.json")
_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Part:
    """A segment that a snapshot names: its directory, and the fingerprint that it had."""

    path: str
    fingerprint: str


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """What belongs together.

    Attributes:
      step: Step of the trainer whose embedder this is.
      embedder: The embedder's SavedModel.
      vectors: The blocks' vectors, made by `embedder`.
      index: The index over `vectors`.
      blocks: The blocks.
      recall: Depth to the index's recall there, as far as measured, e.g. {"100": 0.97}.
      parent: Step of the snapshot that it replaces.
      created: UTC, ISO 8601.
      settings: Whatever else explains it.
    """

    step: int
    embedder: Part
    vectors: Part
    index: Part
    blocks: Part
    recall: Mapping[str, float]
    parent: int | None
    created: str
    settings: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        *,
        step: int,
        embedder: artifacts.Segment,
        vectors: artifacts.Segment,
        index: artifacts.Segment,
        blocks: artifacts.Segment,
        parent: int | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Snapshot:
        """Binds segments together, as of now.

        Raises:
          UserError: If they do not belong together.
        """
        segments = dict(zip(PARTS, (embedder, vectors, index, blocks), strict=True))
        _check_together(segments)
        return cls(
            step=step,
            # That of an exact index says nothing: nobody asked for another one.
            recall=index.settings["recall"] if "k" in index.settings else {},
            parent=parent,
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            settings=dict(settings or {}),
            **{role: Part(s.path, s.fingerprint) for role, s in segments.items()},
        )

    def segment(self, role: str, *, verify: bool = False) -> artifacts.Segment:
        """Opens the part `role` ("embedder", "vectors", ...).

        Args:
          role: One of `PARTS`.
          verify: Whether to compare checksums and not only sizes.

        Raises:
          UserError: If it is damaged, or is not the segment that was published.
        """
        part = getattr(self, role)
        segment = artifacts.open_segment(part.path, role, verify=verify)
        artifacts.require_same(
            f"{role} segment",
            (f"the snapshot of step {self.step}", part.fingerprint),
            (segment.path, segment.fingerprint),
        )
        return segment


def path_of(directory: str, step: int) -> str:
    """Where the snapshot of `step` is."""
    return os.path.join(directory, f"step-{step:09d}.json")


def publish(directory: str, snapshot: Snapshot) -> None:
    """Publishes a snapshot; publishing it again changes nothing.

    Args:
      directory: Directory of the snapshots. Local segments are named relative to it, so a work
        directory may be moved as a whole.
      snapshot: Snapshot that `Snapshot.of` made.

    Raises:
      UserError: If its step was published with other parts: snapshots never change.
    """
    gfile.makedirs(directory)
    path = path_of(directory, snapshot.step)
    try:
        artifacts.create_text(
            path, json.dumps(_to_json(directory, snapshot), indent=1, sort_keys=True)
        )
    except FileExistsError:
        there = load(directory, snapshot.step, verify=False)
        if any(getattr(there, r).fingerprint != getattr(snapshot, r).fingerprint for r in PARTS):
            raise types.UserError(
                f"{path} is already published with other parts, and snapshots never change."
                " Two runs may be sharing this directory: give each its own."
            ) from None
    artifacts.write_text(os.path.join(directory, LATEST), f"{os.path.basename(path)}\n")


def list_steps(directory: str) -> list[int]:
    """Steps of the snapshots, whole or not, in increasing order."""
    if not gfile.isdir(directory):
        return []
    matches = (_NAME.fullmatch(name) for name in gfile.listdir(directory))
    return sorted(int(match.group(1)) for match in matches if match)


def load(directory: str, step: int, *, verify: bool = True) -> Snapshot:
    """Loads the snapshot of a step.

    Args:
      directory: Directory of the snapshots.
      step: One of `list_steps`.
      verify: Whether its parts must be there, be whole (by size), and belong together.

    Raises:
      UserError: If it is missing or damaged, or its parts do not belong together.
    """
    path = path_of(directory, step)
    snapshot = _from_json(directory, path, artifacts.read_json(path))
    if snapshot.step != step:
        raise types.UserError(f"{path} says that it is of step {snapshot.step}. It was renamed.")
    if verify:
        _check_together({role: snapshot.segment(role) for role in PARTS})
    return snapshot


def newest(directory: str) -> Snapshot | None:
    """The newest snapshot that is whole, None if there is none; a warning says what was skipped."""
    for step in reversed(list_steps(directory)):
        try:
            return load(directory, step)
        except types.UserError as error:
            _LOGGER.warning("skipping the snapshot of step %d: %s", step, error)
    return None


def delete(directory: str, step: int) -> None:
    """Removes the snapshot's file, if it is there; its segments stay."""
    with contextlib.suppress(FileNotFoundError):
        gfile.remove(path_of(directory, step))


def _check_together(parts: Mapping[str, artifacts.Segment]) -> None:
    """Checks every edge of what was made from what."""
    edges = (("vectors", "embedder"), ("vectors", "blocks"), ("index", "vectors"))
    for made, source in edges:
        artifacts.require_same(
            source,
            (parts[made].path, parts[made].made_from.get(source)),
            (parts[source].path, parts[source].fingerprint),
        )
    artifacts.require_same(
        "tokenizer",
        (parts["embedder"].path, parts["embedder"].made_from.get("tokenizer")),
        (parts["blocks"].path, parts["blocks"].made_from.get("tokenizer")),
    )


def _to_json(directory: str, snapshot: Snapshot) -> dict[str, Any]:
    body = dataclasses.asdict(snapshot)
    for role in PARTS:
        body[role]["path"] = _relative(directory, body[role]["path"])
    body["schema_version"] = SCHEMA_VERSION
    return {**body, "sha256": artifacts.digest(body)}


def _from_json(directory: str, path: str, body: Any) -> Snapshot:
    try:
        rest = {key: value for key, value in body.items() if key != "sha256"}
        if artifacts.digest(rest) != body["sha256"]:
            raise types.UserError(f"{path} was changed after it was published. Delete it.")
        if rest.pop("schema_version") != SCHEMA_VERSION:
            raise types.UserError(
                f"{path} has another format than this release reads. Publish it again."
            )
        for role in PARTS:
            part = Part(**rest[role])
            rest[role] = Part(_absolute(directory, part.path), part.fingerprint)
        return Snapshot(**rest)
    except (AttributeError, KeyError, TypeError) as error:
        raise types.UserError(f"{path} is not a snapshot: {error}. Delete it.") from error


def _relative(directory: str, path: str) -> str:
    if artifacts.is_remote(directory) or artifacts.is_remote(path):
        return path
    return os.path.relpath(path, directory)


def _absolute(directory: str, path: str) -> str:
    if os.path.isabs(path) or artifacts.is_remote(path):
        return path
    return os.path.normpath(os.path.join(directory, path))
