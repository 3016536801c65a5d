# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Local copies of remote files, which cannot be mapped into memory where they are."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time

from realm_tf.artifacts import canonical, files, gfile

_KEPT_SECS = 7 * 24 * 3600.0


def localise(path: str, cache_dir: str | None = None) -> str:
    """Returns a local path of a file: its own, or that of a copy, which is made once.

    Copies that nobody has asked for in a week are removed when another one is made. On Linux a
    program that still maps one keeps its contents.
    """
    if not gfile.is_remote(path):
        return path
    cache_dir = cache_dir or os.path.join(tempfile.gettempdir(), "realm_tf_cache")
    stat = gfile.stat(path)
    key = canonical.digest([path, stat.length, stat.mtime_nsec])[:24]
    local = os.path.join(cache_dir, f"{key}-{os.path.basename(path)}")
    if os.path.exists(local):
        os.utime(local)
        return local
    os.makedirs(cache_dir, exist_ok=True)
    _remove_unused(cache_dir)
    with files.atomic_path(local) as aside:
        gfile.copy(path, aside)
    return local


def _remove_unused(cache_dir: str) -> None:
    oldest = time.time() - _KEPT_SECS
    for entry in os.scandir(cache_dir):
        with contextlib.suppress(OSError):  # another process may do the same
            if entry.stat().st_mtime < oldest:
                os.remove(entry.path)
