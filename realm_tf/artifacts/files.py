# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files on any filesystem of tf.io.gfile: written whole or not at all, read, hashed and listed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import uuid
from collections.abc import Iterator
from typing import Any

from realm_tf import types
from realm_tf.artifacts import gfile

_CHUNK_BYTES = 1 << 22


@contextlib.contextmanager
def atomic_path(path: str) -> Iterator[str]:
    """Yields a path to write to; `path` appears, whole, when the block ends without an error."""
    if gfile.is_remote(path):
        yield path  # an object appears when it is closed
        return
    aside = f"{path}.tmp-{uuid.uuid4().hex[:8]}"
    try:
        yield aside
        os.replace(aside, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(aside)


def write_text(path: str, text: str) -> None:
    """Writes `text` to `path`, atomically."""
    with atomic_path(path) as aside, gfile.GFile(aside, "w") as f:
        f.write(text)


def create_text(path: str, text: str) -> None:
    """Creates a file, whole: on a mounted filesystem only one of several processes succeeds.

    Raises:
      FileExistsError: If there is one.
    """
    if gfile.is_remote(path):
        if gfile.exists(path):
            raise FileExistsError(path)
        write_text(path, text)
        return
    aside = f"{path}.tmp-{uuid.uuid4().hex[:8]}"
    try:
        with open(aside, "x", encoding="utf-8") as f:
            f.write(text)
        os.link(aside, path)  # unlike a rename, it fails where a file is
    except FileExistsError:
        raise
    except OSError:  # no hard links here (some network filesystems)
        with open(path, "x", encoding="utf-8") as f:
            f.write(text)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(aside)


def read_json(path: str) -> Any:
    """Parses a JSON file on any filesystem.

    Raises:
      UserError: If it is missing or not JSON.
    """
    try:
        with gfile.GFile(path, "r") as f:
            return json.loads(f.read())
    except FileNotFoundError:
        raise types.UserError(f"No such file: {path}.") from None
    except ValueError as error:  # no JSON, or no UTF-8
        raise types.UserError(f"{path} is not JSON: {error}. It may be damaged.") from error


def paths_in(directory: str, *, prefix: str = "", suffix: str = "") -> list[str]:
    """Paths of what a directory holds, sorted; unlike a glob, it takes its name as it is.

    Args:
      directory: Nothing is in one that is not there.
      prefix: What the names begin with.
      suffix: What they end with.
    """
    if not gfile.isdir(directory):
        return []
    names = sorted(name.rstrip("/") for name in gfile.listdir(directory))
    found = (name for name in names if name.startswith(prefix) and name.endswith(suffix))
    return [os.path.join(directory, name) for name in found]


def remove_asides(path: str) -> None:
    """Removes the half-written files that killed processes left below a directory."""
    for directory, _, names in gfile.walk(path):
        for name in names:
            if ".tmp-" in name:
                gfile.remove(os.path.join(directory, name))


def file_sha256(path: str) -> tuple[str, int]:
    """Returns the hex SHA-256 and the size in bytes of a file on any filesystem."""
    sha, size = hashlib.sha256(), 0
    with gfile.GFile(path, "rb") as f:
        while chunk := f.read(_CHUNK_BYTES):
            sha.update(chunk)
            size += len(chunk)
    return sha.hexdigest(), size


@contextlib.contextmanager
def plain_path(directory: str) -> Iterator[str]:
    """Yields a name for a directory of files whose own name TensorFlow would take for a pattern.

    It takes the paths of checkpoints and SavedModels for patterns, and finds nothing where a name
    holds one of their signs; so such a directory gets a second name, without them, for as long as
    the block lasts.
    """
    if gfile.is_remote(directory) or not any(sign in directory for sign in "*?[]\\"):
        yield directory
        return
    with tempfile.TemporaryDirectory(prefix="realm_tf-") as folder:
        alias = os.path.join(folder, "directory")
        os.symlink(os.path.abspath(directory), alias, target_is_directory=True)
        yield alias
