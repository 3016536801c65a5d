# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What `realm inspect` tells of a snapshot: its parts, its layers, and how large they are."""

from __future__ import annotations

import dataclasses
import datetime
import os
from typing import Any

from realm_tf import artifacts, types
from realm_tf.data.blocks import schema
from realm_tf.retrieval import reading, snapshots


def _version_of(path: str) -> tuple[str, snapshots.Version]:
    """The directory and the version of a snapshot's file.

    Raises:
      UserError: If the file is no snapshot's.
    """
    directory, name = os.path.split(path)
    version = snapshots.version_of(name)
    if version is None:
        raise types.UserError(f"{path} is not the file of a snapshot (step-....json).")
    return directory, version


def facts(path: str, *, verify: bool) -> dict[str, Any]:
    """A snapshot as JSON values, with `counts` of rows, and `bytes` of every kind of segment.

    And `metadata_fields`, which searches may be restricted by, with their types.

    Raises:
      UserError: If it is damaged.
    """
    directory, version = _version_of(path)
    snapshot = snapshots.load(directory, *version)
    with reading.hold(snapshot):
        parts = list(snapshot.parts())
        opened = [(kind, snapshot.open(kind, part, verify=verify)) for kind, part in parts]
    sizes: dict[str, int] = {}
    for kind, segment in opened:
        sizes[kind] = sizes.get(kind, 0) + sum(shard.num_bytes for shard in segment.shards)
    found = dataclasses.asdict(snapshot)
    del found["directory"]
    base = next(segment for kind, segment in opened if kind == "blocks")
    fields = dict(base.settings.get(schema.METADATA_FIELDS, {}))
    return {**found, "counts": _counts(opened), "bytes": sizes, schema.METADATA_FIELDS: fields}


def _counts(opened: list[tuple[str, artifacts.Segment]]) -> dict[str, int]:
    # The index counts its rows also where the blocks were written by other programs.
    base = next(segment for kind, segment in opened if kind == "index").counts["blocks"]
    added = [segment.counts["blocks"] for kind, segment in opened if kind == "blocks"][1:]
    gone = sum(segment.counts["rows"] for kind, segment in opened if kind == "tombstones")
    live = base + sum(added) - gone
    counts = {"base": base, "added": sum(added), "deleted": gone, "blocks": live}
    return {name: int(number) for name, number in counts.items()}


def describe(path: str, *, verify: bool) -> str:
    """A snapshot, for people.

    Raises:
      UserError: As `facts`.
    """
    found = facts(path, verify=verify)
    counts, sizes = found["counts"], found["bytes"]
    head = f"snapshot of step {found['step']}"
    head += f", revision {found['revision']}" if found["revision"] else ""
    lines = [f"{head}, made {found['created']} ({_age(found['created'])} ago)"]
    lines.append(f"  parent       {_parent(found)}")
    lines.append(f"  recall       {dict(found['recall']) or 'exact search'}")
    lines.append(
        f"  blocks       {counts['blocks']:,}: {counts['base']:,} of the base,"
        f" {counts['added']:,} added, {counts['deleted']:,} deleted"
    )
    fields = (f"{name} ({kind})" for name, kind in sorted(found[schema.METADATA_FIELDS].items()))
    lines.append(f"  filters      {', '.join(fields) or 'no fields are declared'}")
    for role in snapshots.PARTS:
        lines.append(_part(role, found[role]))
    for delta in found["deltas"]:
        lines += [_part("delta", delta["blocks"]), _part("", delta["vectors"])]
    if found["tombstones"] is not None:
        lines.append(_part("tombstones", found["tombstones"]))
    lines += [_part("deletions", part) for part in found["deletions"]]
    lines.append("  bytes        " + ", ".join(f"{kind} {n:,}" for kind, n in sizes.items()))
    return "\n".join(lines)


def _part(role: str, part: dict[str, str]) -> str:
    return f"  {role:<12} {part['fingerprint'][:12]}  {part['path']}"


def _parent(found: dict[str, Any]) -> str:
    if found["parent"] is None or not found["revision"]:
        return str(found["parent"])
    return f"{found['parent']}, revision {found['parent_revision']}"


def _age(created: str) -> str:
    age = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(created)
    return f"{age.days} days" if age.days else f"{age.seconds // 60} minutes"
