# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The contents of a snapshot's file: which segments belong together, and how it is read.

A snapshot has a base, over which an index is built, and may have layers above it:

- deltas: blocks that were added since, and their vectors, one delta for each change;
- tombstones: the rows, counted through the base and the deltas, that were deleted or replaced;
- deletions: what tells whether a file still holds something of what was deleted (`deletions`).

A change of documents makes a new *revision* of the snapshot, which names the segments of its parent
again and its own besides: no file is copied or changed.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from realm_tf import artifacts, types

SCHEMA_VERSION = 3
_READ_VERSIONS = (2, SCHEMA_VERSION)  # the second has no layers, and is otherwise the same
PARTS = ("embedder", "vectors", "index", "blocks")


@dataclasses.dataclass(frozen=True)
class Part:
    """A segment that a snapshot names: its directory, and the fingerprint that it had."""

    path: str
    fingerprint: str

    @classmethod
    def of(cls, segment: artifacts.Segment) -> Part:
        """Names a segment."""
        return cls(segment.path, segment.fingerprint)


@dataclasses.dataclass(frozen=True)
class Delta:
    """Blocks that were added at once, and their vectors."""

    blocks: Part
    vectors: Part


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
      revision: Number of the change of documents that made it, counted through all snapshots of the
        directory; 0: the trainer's own, without changes.
      parent_revision: Revision of the snapshot that it replaces.
      deltas: What was added, in the order of the rows.
      tombstones: Segment "tombstones": the rows that are there no more; None: none.
      deletions: Segments "deletions", one for each change that deleted or replaced documents.
      directory: Where its file is; no part of it.
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
    revision: int = 0
    parent_revision: int = 0
    deltas: tuple[Delta, ...] = ()
    tombstones: Part | None = None
    deletions: tuple[Part, ...] = ()
    directory: str = dataclasses.field(default="", compare=False)

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
        made = cls(
            step=step,
            embedder=Part.of(embedder),
            vectors=Part.of(vectors),
            index=Part.of(index),
            blocks=Part.of(blocks),
            recall=recall_of(index),
            parent=parent,
            created=now(),
            settings=dict(settings or {}),
        )
        check_together(made, {s.path: s for s in (embedder, vectors, index, blocks)})
        return made

    def changed(self, *, revision: int, settings: Mapping[str, Any], **layers: Any) -> Snapshot:
        """The snapshot with other layers, as of now: a new revision, whose parent this one is."""
        return dataclasses.replace(
            self,
            revision=revision,
            parent=self.step,
            parent_revision=self.revision,
            created=now(),
            settings={**self.settings, **settings},
            **layers,
        )

    @property
    def name(self) -> str:
        """Its name, e.g. "step 500, revision 2"; revision 0 is not mentioned."""
        return f"step {self.step}" + (f", revision {self.revision}" if self.revision else "")

    def is_younger(self, hours: float) -> bool:
        """Whether it was made less than so many hours ago; one that does not say when is not."""
        try:
            made = datetime.datetime.fromisoformat(self.created)
        except ValueError:
            return False
        return datetime.datetime.now(datetime.UTC) - made < datetime.timedelta(hours=hours)

    @property
    def all_blocks(self) -> tuple[Part, ...]:
        """The segments "blocks" in the order of their rows: the base, and the deltas."""
        return (self.blocks, *(delta.blocks for delta in self.deltas))

    @property
    def all_vectors(self) -> tuple[Part, ...]:
        """The segments "vectors" of `all_blocks`."""
        return (self.vectors, *(delta.vectors for delta in self.deltas))

    def parts(self) -> Iterator[tuple[str, Part]]:
        """Kind and part of every segment that it names."""
        yield from ((role, getattr(self, role)) for role in PARTS)
        for delta in self.deltas:
            yield from (("blocks", delta.blocks), ("vectors", delta.vectors))
        if self.tombstones is not None:
            yield "tombstones", self.tombstones
        yield from (("deletions", part) for part in self.deletions)

    def segment(self, role: str, *, verify: bool = False) -> artifacts.Segment:
        """Opens the part `role` ("embedder", "vectors", ...) of the base.

        Args:
          role: One of `PARTS`.
          verify: Whether to compare checksums and not only sizes.

        Raises:
          UserError: If it is damaged, or is not the segment that was published.
        """
        return self.open(role, getattr(self, role), verify=verify)

    def open(self, kind: str, part: Part, *, verify: bool = False) -> artifacts.Segment:
        """Opens one of `parts`; see `segment`."""
        segment = artifacts.open_segment(part.path, kind, verify=verify)
        artifacts.require_same(
            f"{kind} segment",
            (f"the snapshot of {self.name}", part.fingerprint),
            (segment.path, segment.fingerprint),
        )
        return segment

    def open_all(
        self, kind: str, parts: Sequence[Part], *, verify: bool = False
    ) -> list[artifacts.Segment]:
        """Opens several parts of a kind; see `segment`."""
        return [self.open(kind, part, verify=verify) for part in parts]


def now() -> str:
    """The time, in UTC, ISO 8601."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def recall_of(index: artifacts.Segment) -> Mapping[str, float]:
    """What a snapshot's file says of its index's recall: nothing, of an exact one not asked for."""
    return index.settings["recall"] if "k" in index.settings else {}


def check_together(snapshot: Snapshot, opened: Mapping[str, artifacts.Segment]) -> None:
    """Checks that segments of a snapshot belong together: every edge of what was made from what.

    Args:
      snapshot: Any snapshot.
      opened: Its segments by path.

    Raises:
      UserError: If two segments do not belong together, naming both.
    """
    base = {role: opened[getattr(snapshot, role).path] for role in PARTS}
    for blocks, vectors in zip(snapshot.all_blocks, snapshot.all_vectors, strict=True):
        artifacts.require_made_from(opened[vectors.path], base["embedder"])
        artifacts.require_made_from(opened[vectors.path], opened[blocks.path])
        artifacts.require_same(
            "tokenizer",
            (base["embedder"].path, base["embedder"].made_from.get("tokenizer")),
            (blocks.path, opened[blocks.path].made_from.get("tokenizer")),
        )
    artifacts.require_made_from(base["index"], base["vectors"])
    if snapshot.tombstones is not None:
        artifacts.require_made_from(opened[snapshot.tombstones.path], base["blocks"])


def to_json(directory: str, snapshot: Snapshot) -> dict[str, Any]:
    """The contents of its file in `directory`; local paths are relative to it."""
    body = dataclasses.asdict(snapshot)
    del body["directory"]
    body = _with_paths(body, lambda path: _relative(directory, path))
    body["schema_version"] = SCHEMA_VERSION
    return {**body, "sha256": artifacts.digest(body)}


def from_json(directory: str, path: str, body: Any) -> Snapshot:
    """What `to_json` made a file of.

    Args:
      directory: Where the file is.
      path: Path of the file.
      body: Its contents.

    Raises:
      UserError: If they were changed, are no snapshot, or one of another format.
    """
    try:
        rest = {key: value for key, value in body.items() if key != "sha256"}
        if artifacts.digest(rest) != body["sha256"]:
            raise types.UserError(f"{path} was changed after it was published. Delete it.")
        if (version := rest.pop("schema_version")) not in _READ_VERSIONS:
            raise types.UserError(
                f"{path} has version {version} of the format of snapshots; this release reads"
                f" versions {', '.join(map(str, _READ_VERSIONS))}. Publish it again."
            )
        rest = _with_paths(rest, lambda part: _absolute(directory, part))
        rest |= {role: Part(**rest[role]) for role in PARTS}
        if version > 2:
            rest |= _layers(rest)
        return Snapshot(**rest, directory=directory)
    except (AttributeError, KeyError, TypeError) as error:
        raise types.UserError(f"{path} is not a snapshot: {error}. Delete it.") from error


def _layers(body: Mapping[str, Any]) -> dict[str, Any]:
    gone = body["tombstones"]
    return {
        "deltas": tuple(Delta(Part(**d["blocks"]), Part(**d["vectors"])) for d in body["deltas"]),
        "tombstones": None if gone is None else Part(**gone),
        "deletions": tuple(Part(**part) for part in body["deletions"]),
    }


def _with_paths(value: Any, change: Callable[[str], str]) -> Any:
    """A JSON value in which the paths of all parts are changed."""
    if isinstance(value, Mapping):
        if value.keys() == {"path", "fingerprint"}:
            return {**value, "path": change(value["path"])}
        return {key: _with_paths(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_paths(item, change) for item in value]
    return value


def _relative(directory: str, path: str) -> str:
    if artifacts.is_remote(directory) or artifacts.is_remote(path):
        return path
    return os.path.relpath(path, directory)


def _absolute(directory: str, path: str) -> str:
    if os.path.isabs(path) or artifacts.is_remote(path):
        return path
    return os.path.normpath(os.path.join(directory, path))
