# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a user is told of a disk that is full, or must not be written."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from typing import Any

from realm_tf import types
from realm_tf.artifacts import gfile

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
# What TensorFlow puts around the message of an operation: its function and device, and its name.
_AROUND = re.compile(r"^\{\{function_node [^}]*\}\}\s*|\s*\[Op:\w+\]")
# TensorFlow has codes for the commonest errors of a disk alone; of the others it has the text.
_TEXTS = {os.strerror(number): number for number in _FULL | _REFUSED}


@contextlib.contextmanager
def storage_errors() -> Iterator[None]:
    """Makes one line of a full disk, or of one that must not be written.

    Raises:
      UserError: In place of these errors, of the system and of TensorFlow.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL | _REFUSED:
            raise
        where = f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror)
        raise _user_error(where, full=error.errno in _FULL) from error
    except gfile.errors() as error:
        number = _number(error)
        if number is None:
            raise
        raise _user_error(_AROUND.sub("", error.message), full=number in _FULL) from error


def make_directory(path: str) -> None:
    """Makes a directory unless it is there, or tells the user in one line why the disk refuses it.

    Raises:
      UserError: If it cannot be made, or a file is there.
    """
    if gfile.exists(path) and not gfile.isdir(path):
        raise types.UserError(f"{path} is a file, but a directory is needed. Give another name.")
    try:
        with storage_errors():
            gfile.makedirs(path)
    except (OSError, *gfile.errors()) as error:
        reason = " ".join(str(error).split())
        raise types.UserError(
            f"The directory {path} cannot be made: {reason}. Give another name."
        ) from error


def _number(error: Any) -> int | None:
    for text, number in _TEXTS.items():
        if text in error.message:
            return number
    if type(error).__name__ == "PermissionDeniedError":
        return errno.EACCES
    return None


def _user_error(where: str, *, full: bool) -> types.UserError:
    cure = "Free some space" if full else "Give this user the rights to read and to write it"
    where = " ".join(where.split())
    return types.UserError(
        f"{where}. {cure}, and give the same command again: it goes on where it stopped."
    )
