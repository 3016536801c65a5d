# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`tf.io.gfile` without TensorFlow for the files of this machine.

Importing TensorFlow takes many seconds, which a command that only looks at local files need not
spend. So a path without a scheme is for the standard library, and a path with one (`gs://...`) is
for `tf.io.gfile`, imported when the first such path comes. Names, arguments and results are those
of `tf.io.gfile`; but errors are Python's: a file that is missing is a `FileNotFoundError`.
"""

from __future__ import annotations

import contextlib
import glob as glob_lib
import os
import shutil
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple


class Statistics(NamedTuple):
    """Length of a file in bytes, and the time of its last change in nanoseconds."""

    length: int
    mtime_nsec: int


def has_scheme(path: str) -> bool:
    """Whether a path is for TensorFlow: `gs://bucket/file`, also `file:///a`."""
    return "://" in path


def is_remote(path: str) -> bool:
    """Whether `path` is on an object store rather than a mounted filesystem."""
    return has_scheme(path) and not path.startswith("file://")


@contextlib.contextmanager
def GFile(path: str, mode: str = "r") -> Iterator[Any]:  # noqa: N802  As in tf.io.gfile.
    """Opens a file; text is UTF-8, and the ends of its lines are left as they are.

    Raises:
      FileNotFoundError: If it is to be read and is missing.
    """
    if has_scheme(path):
        with _not_found(), _tensorflows().GFile(path, mode) as file:
            if "r" in mode:
                file.size()  # It is opened when it is first used.
            yield file
        return
    is_text = "b" not in mode
    encoding, newline = ("utf-8", "\n") if is_text else (None, None)
    with open(path, mode, encoding=encoding, newline=newline) as file:
        yield file


def exists(path: str) -> bool:
    """Whether a file or a directory is at `path`."""
    return _tensorflows().exists(path) if has_scheme(path) else os.path.exists(path)


def isdir(path: str) -> bool:
    """Whether a directory is at `path`."""
    return _tensorflows().isdir(path) if has_scheme(path) else os.path.isdir(path)


def makedirs(path: str) -> None:
    """Makes a directory, and those above it, where they are not there yet."""
    if has_scheme(path):
        _tensorflows().makedirs(path)
    elif path:
        os.makedirs(path, exist_ok=True)


def listdir(path: str) -> list[str]:
    """Names of what is in a directory, sorted; in object stores those of folders end with "/"."""
    if has_scheme(path):
        with _not_found():
            return sorted(_tensorflows().listdir(path))
    return sorted(os.listdir(path))


def walk(path: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Every directory at or below `path`: its path, its directories, and its files."""
    return _tensorflows().walk(path) if has_scheme(path) else os.walk(path)


def glob(pattern: str) -> list[str]:
    """Paths that match a pattern, sorted; hidden files match it as any others."""
    if has_scheme(pattern):
        return sorted(_tensorflows().glob(pattern))
    return sorted(glob_lib.glob(pattern, include_hidden=True))


def stat(path: str) -> Statistics:
    """Returns the length of a file, and when it was changed."""
    if has_scheme(path):
        with _not_found():
            found = _tensorflows().stat(path)
        return Statistics(found.length, found.mtime_nsec)
    status = os.stat(path)
    return Statistics(status.st_size, status.st_mtime_ns)


def copy(source: str, target: str) -> None:
    """Copies a file, over one that is there."""
    if has_scheme(source) or has_scheme(target):
        with _not_found():
            _tensorflows().copy(source, target, overwrite=True)
    else:
        shutil.copyfile(source, target)


def remove(path: str) -> None:
    """Removes a file."""
    if has_scheme(path):
        with _not_found():
            _tensorflows().remove(path)
    else:
        os.remove(path)


def rmtree(path: str) -> None:
    """Removes a directory with everything in it; that another process does the same is no error."""
    if has_scheme(path):
        with contextlib.suppress(FileNotFoundError), _not_found():
            _tensorflows().rmtree(path)
    else:
        shutil.rmtree(path, onerror=_unless_gone)


def _unless_gone(function: Any, path: str, error: Any) -> None:
    if not isinstance(error[1], FileNotFoundError):
        raise error[1]


def errors() -> tuple[Any, ...]:
    """TensorFlow's errors, for an `except`; none of them comes before TensorFlow is imported."""
    tf = sys.modules.get("tensorflow")
    return () if tf is None else (tf.errors.OpError,)


def _tensorflows() -> Any:
    import tensorflow as tf

    return tf.io.gfile


@contextlib.contextmanager
def _not_found() -> Iterator[None]:
    """Makes TensorFlow's error of a missing file Python's."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.NotFoundError as error:
        raise FileNotFoundError(error.message) from error
