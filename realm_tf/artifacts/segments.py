# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Immutable segments on any filesystem that tf.io.gfile knows.

A segment is a directory of files ("shards") and one `segment.json`, written last: without it the
directory is not a segment. That single write is the commit everywhere, because object stores have
no atomic rename of directories but make an object visible only when it is closed.

A segment lives in a directory named by its *recipe* (kind and version of its format, settings,
fingerprints of what it is made from), so a stage knows what it would make, and whether it is there,
before it works. Its *fingerprint* is the hash of its contents: what readers compare, and what
downstream recipes name.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import json
import os
import re
from collections.abc import Iterator, Mapping
from concurrent import futures
from typing import Any

from realm_tf import types
from realm_tf.artifacts import canonical, files, gfile

MANIFEST = "segment.json"
SAVED_MODEL = "saved_model"  # directory of the SavedModel in a segment that is one
# Versions of the file formats of kinds of segments; those that are not named are at their first.
_SCHEMA_VERSIONS = {"blocks": 2, "spans": 2, "index": 2}
PART_OF = "part_of"  # role of the whole among what a part of a segment is made from
_NUMBERED = re.compile(r"-(\d{5,})-of-\d{5,}\.")
_THREADS = 16  # that look at files: on an object store every look is a request
_NOT_MADE_BELOW: contextvars.ContextVar[str | None] = contextvars.ContextVar(
    "not_made_below", default=None
)


@dataclasses.dataclass(frozen=True)
class Shard:
    """A file of a segment, with its checksum and the number of its records."""

    name: str
    sha256: str
    num_bytes: int
    num_records: int


@dataclasses.dataclass(frozen=True)
class Segment:
    """A complete segment of data on disk, as its `segment.json` describes it.

    Attributes:
      path: Directory of the segment.
      kind: Kind of data that it holds: "vocab", "blocks", "embedder", "vectors", ...
      schema_version: Version of the file format of this kind of segment.
      settings: Settings that decided its contents besides its inputs, as JSON values.
      made_from: Fingerprint of every input by its role, e.g. {"tokenizer": "3f..."}.
      counts: Numbers of what it holds, by name, e.g. {"blocks": 1834}.
      shards: The files of the segment, sorted by name.
      fingerprint: Hash of all attributes above except `path`.
    """

    path: str
    kind: str
    schema_version: int
    settings: Mapping[str, Any]
    made_from: Mapping[str, str]
    counts: Mapping[str, float]
    shards: tuple[Shard, ...]
    fingerprint: str

    def file(self, name: str) -> str:
        """Path of the file `name`."""
        return os.path.join(self.path, name)

    def files(self, prefix: str = "") -> list[str]:
        """Paths of the files whose names start with `prefix`, sorted."""
        return [self.file(s.name) for s in self.shards if s.name.startswith(prefix)]

    def part(self, numbers: range) -> Segment:
        """The part of it that these of its numbered files are, e.g. "blocks-00001-of-00008.arrow".

        It is opened as a segment is. What is made from it names it by its own fingerprint, and the
        whole as `PART_OF`.
        """
        found = tuple(s for s in self.shards if (n := _number(s.name)) is None or n in numbers)
        return dataclasses.replace(
            self,
            shards=found,
            made_from={**self.made_from, PART_OF: self.fingerprint},
            fingerprint=canonical.digest([self.fingerprint, numbers.start, numbers.stop]),
        )


def _number(name: str) -> int | None:
    match = _NUMBERED.search(name)
    return match and int(match.group(1))


def schema_version(kind: str) -> int:
    """Version of the file format of a kind of segment, which this release writes and reads."""
    return _SCHEMA_VERSIONS.get(kind, 1)


def recipe_path(
    root: str, kind: str, *, settings: Mapping[str, Any], made_from: Mapping[str, str]
) -> str:
    """Directory, under `root`, of the segment that this recipe makes."""
    key = canonical.digest([kind, schema_version(kind), settings, made_from])
    return os.path.join(root, f"{kind}-{key[:12]}")


def measure(folder: str, name: str, num_records: int = 0) -> Shard:
    """Takes size and checksum of the file `name` of a segment's directory, reading it once."""
    sha, size = files.file_sha256(os.path.join(folder, name))
    return Shard(name, sha, size, num_records)


class SegmentWriter:
    """Writes one segment: files first, `segment.json` last.

    Args:
      path: Directory of the segment; see `recipe_path`.
      kind: Kind of data that the segment holds; an attribute of `Segment`.
      settings: Settings that decide its contents; an attribute of `Segment`.
      made_from: Fingerprints of its inputs by role; an attribute of `Segment`.
    """

    def __init__(
        self,
        path: str,
        *,
        kind: str,
        settings: Mapping[str, Any],
        made_from: Mapping[str, str],
    ):
        self.path = path
        self._head = {
            "kind": kind,
            "schema_version": schema_version(kind),
            "settings": dict(settings),
            "made_from": dict(made_from),
        }
        self._shards: dict[str, Shard] = {}
        gfile.makedirs(path)

    @contextlib.contextmanager
    def file(self, name: str, *, num_records: int = 0) -> Iterator[str]:
        """Yields a path to write the file `name` to, and adds it to the segment."""
        target = os.path.join(self.path, name)
        gfile.makedirs(os.path.dirname(target))
        with files.atomic_path(target) as aside:
            yield aside
        self.add(name, num_records=num_records)

    def add(self, name: str, *, num_records: int = 0, measured: Shard | None = None) -> None:
        """Adds a file that is at its place; it is read for its checksum, unless that is known."""
        self._shards[name] = measured or measure(self.path, name, num_records)

    def add_tree(self, name: str) -> None:
        """Adds every file under the directory `name` (a SavedModel)."""
        for folder, _, names in gfile.walk(os.path.join(self.path, name)):
            for file in names:
                self.add(os.path.relpath(os.path.join(folder, file), self.path))

    def commit(self, **counts: float) -> Segment:
        """Writes `segment.json`; from here on the segment exists and never changes."""
        body = dict(
            self._head,
            counts=counts,
            shards=[dataclasses.asdict(self._shards[n]) for n in sorted(self._shards)],
        )
        body["fingerprint"] = canonical.digest(body)
        files.write_text(
            os.path.join(self.path, MANIFEST), json.dumps(body, indent=1, sort_keys=True)
        )
        return _segment_from_json(self.path, body)


class NotMadeError(Exception):
    """A segment is not there, and nothing is to be made: see `nothing_is_made`."""


@contextlib.contextmanager
def nothing_is_made(root: str) -> Iterator[None]:
    """Tells whether work would be done, by beginning it: what makes a segment looks for it first.

    Args:
      root: Directory of segments. Looking for one below it that is not there raises `NotMadeError`.
    """
    token = _NOT_MADE_BELOW.set(os.path.join(root, ""))
    try:
        yield
    finally:
        _NOT_MADE_BELOW.reset(token)


def is_complete(path: str) -> bool:
    """Whether a committed segment is at `path`."""
    found = gfile.exists(os.path.join(path, MANIFEST))
    root = _NOT_MADE_BELOW.get()
    if not found and root is not None and path.startswith(root):
        raise NotMadeError(path)
    return found


def open_segment(path: str, kind: str | None = None, *, verify: bool = True) -> Segment:
    """Opens a segment, and checks that none of its files is missing or damaged.

    Args:
      path: Directory of the segment.
      kind: The kind that the segment must have; None for any.
      verify: Whether to read every file and compare its SHA-256; sizes are always compared.

    Raises:
      UserError: If it is incomplete, of another kind or another version of its format, or a file is
        missing or differs.
    """
    if not is_complete(path):
        raise types.UserError(
            f"{path} is not a complete segment: it has no {MANIFEST}. Give the command that makes"
            " it again (of a run, realm run); it goes on where it stopped."
        )
    body = files.read_json(os.path.join(path, MANIFEST))
    segment = _segment_from_json(path, body)
    declared = dict(body)
    if (
        canonical.digest({k: v for k, v in declared.items() if k != "fingerprint"})
        != segment.fingerprint
    ):
        raise types.UserError(f"{path}/{MANIFEST} was changed after it was written. Make it again.")
    require_kind(segment, kind)
    with futures.ThreadPoolExecutor(_THREADS) as pool:
        checks = [pool.submit(_check_shard, segment, s, verify=verify) for s in segment.shards]
    for check in checks:
        check.result()
    return segment


def require_kind(segment: Segment, kind: str | None) -> None:
    """Refuses a segment of another kind, or of a version of its format that is not read.

    Raises:
      UserError: Naming the segment, what it is, and the cure.
    """
    if kind is not None and segment.kind != kind:
        held = f"{segment.path} holds {segment.kind!r}"
        raise types.UserError(f"{held}; a {kind!r} segment is needed.")
    if segment.schema_version != (version := schema_version(segment.kind)):
        raise types.UserError(
            f"{segment.path} has version {segment.schema_version} of the format of"
            f" {segment.kind!r}; this release reads version {version}. Make it again with this"
            " release."
        )


def require_same(what: str, left: tuple[str, str | None], right: tuple[str, str | None]) -> None:
    """Refuses two segments whose fingerprints of a common part, e.g. the tokenizer, differ.

    Args:
      what: Name of the part that must be the same, e.g. "tokenizer".
      left: Name of the first part, and its fingerprint of `what`.
      right: Name of the second part, and its fingerprint of `what`.

    Raises:
      UserError: If the fingerprints differ, naming both parts.
    """
    if left[1] != right[1]:
        raise types.UserError(
            f"{left[0]} and {right[0]} do not belong together: their {what} differs"
            f" ({str(left[1])[:12]} and {str(right[1])[:12]}). Make both from the same {what}."
        )


def require_made_from(made: Segment, source: Segment) -> None:
    """Refuses a segment that was made from another one of the kind of `source`.

    Raises:
      UserError: As `require_same`.
    """
    of_made = made.made_from.get(source.kind)
    require_same(source.kind, (made.path, of_made), (source.path, source.fingerprint))


def _segment_from_json(path: str, body: Mapping[str, Any]) -> Segment:
    try:
        fields = {f.name: body[f.name] for f in dataclasses.fields(Segment) if f.name != "path"}
        shards = tuple(Shard(**shard) for shard in body["shards"])
    except (KeyError, TypeError) as error:
        raise types.UserError(
            f"{path}/{MANIFEST} lacks a field: {error}. Make it again."
        ) from error
    return Segment(path=path, **{**fields, "shards": shards})


def _check_shard(segment: Segment, shard: Shard, *, verify: bool) -> None:
    path = segment.file(shard.name)
    try:
        size = gfile.stat(path).length
    except FileNotFoundError:
        raise types.UserError(
            f"{path} is missing from its segment. Delete {segment.path} and give the"
            " same command again: it makes the segment anew."
        ) from None
    sha = files.file_sha256(path)[0] if verify and size == shard.num_bytes else shard.sha256
    if (size, sha) != (shard.num_bytes, shard.sha256):
        raise types.UserError(
            f"{path} is damaged: expected {shard.num_bytes} bytes with SHA-256"
            f" {shard.sha256[:12]}, found {size} bytes with {sha[:12] if verify else '?'}."
            f" Delete {segment.path} and make it again."
        )
