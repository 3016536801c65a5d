# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The versions in the directory of an export, which TF Serving and the client look for."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from realm_tf import artifacts, types
from realm_tf.artifacts import gfile

RECORD = "realm_export.json"  # what a version was made from, and the sizes of its files
SCHEMA = 3  # of the record, and of the inputs of the signatures
MODEL = "saved_model.pb"
RETRIEVER, READER = "retriever", "reader"  # directories of two models that are served apart
_SHARD = re.compile(r"shard-\d{5}-of-\d{5}")
_NEEDED = (MODEL, "variables/variables.index")


def numbers(path: str) -> list[int]:
    """The numbers of the versions in the directory of an export, ascending."""
    names = map(os.path.basename, filter(gfile.isdir, artifacts.paths_in(path)))
    return sorted(int(name) for name in names if name.isdecimal())


def is_version(path: str) -> bool:
    """Whether a directory is one version, rather than that of an export."""
    return any(gfile.exists(os.path.join(path, name)) for name in (MODEL, RECORD))


def complete(path: str) -> list[int]:
    """As `numbers`, those whose `saved_model.pb` is there, which an object store gets last."""
    return [n for n in numbers(path) if gfile.exists(os.path.join(path, str(n), MODEL))]


def complete_in_all(paths: Sequence[str]) -> list[int]:
    """The numbers that are `complete` in all of some directories."""
    return sorted(set.intersection(*(set(complete(path)) for path in paths)))


def shard_name(number: int, count: int) -> str:
    """Name of the directory of a shard's versions, below that of the export."""
    return f"shard-{number:05d}-of-{count:05d}"


def shards(path: str) -> list[str]:
    """Directories of the shards of an export, in their order; none if it is not divided."""
    found = [p for p in artifacts.paths_in(path) if _SHARD.fullmatch(os.path.basename(p))]
    return sorted(filter(gfile.isdir, found))


def record(version: str) -> Mapping[str, Any]:
    """What a version was made from; nothing of a SavedModel that this project did not write."""
    path = os.path.join(version, RECORD)
    found: Mapping[str, Any] = artifacts.read_json(path) if gfile.exists(path) else {}
    return found


def index_of(content: Mapping[str, Any]) -> str:
    """Kind of the index of a version, by its record: exact, ivf or scann."""
    return str(content.get("search", {}).get("index", "exact"))


def require_schema(version: str, content: Mapping[str, Any]) -> None:
    """Checks that a version, by its record, has the signatures of this version of the program.

    Raises:
      UserError: If it has not.
    """
    if content.get("schema_version") != SCHEMA:
        raise types.UserError(
            f"{version} was exported by another version of this program, and its signatures take"
            " other inputs. Run `realm export` again."
        )


def require_whole(version: str) -> None:
    """Checks that no file of a version is missing or cut short.

    Raises:
      UserError: If one is, naming it.
    """
    sizes: Mapping[str, int | None] = dict.fromkeys(_NEEDED)
    sizes = {**sizes, **record(version).get("files", {})}
    for name, size in sizes.items():
        path = os.path.join(version, name)
        found = gfile.stat(path).length if gfile.exists(path) else None
        if found is None or size not in (None, found):
            what = f"no {name}" if found is None else f"{found} bytes of {size} in {name}"
            raise types.UserError(
                f"{version} is not a whole export: it has {what}. Delete it, and run `realm export`"
                " if no older version is left."
            )
