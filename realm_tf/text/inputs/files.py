# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds input files: by path, by folder or by glob pattern.

A path that exists is taken as it stands, whatever characters are in it: a folder "news [2019]" is
no pattern. What Spark, Arrow and pandas pass over in a folder is passed over here, too: names that
begin with "." or "_", such as `_SUCCESS`, `.part-0.crc` and `.DS_Store`.
"""

from __future__ import annotations

import functools
import glob
import logging
from collections.abc import Sequence

import tensorflow as tf

from realm_tf import types

_WILDCARDS = "*?[{"
_HIDDEN = (".", "_")

_LOGGER = logging.getLogger(__name__)


def expand(pattern: str) -> tuple[str, list[str]]:
    """The files that a path, a folder (with all below it) or a glob pattern names, sorted.

    Hidden files (see above) are passed over, unless the pattern names them: its part for the name
    begins with the same character.

    Returns:
      root: The folder itself, or the folder before the first wildcard of the pattern.
      files: Paths of the files, sorted.

    Raises:
      UserError: If there are none.
    """
    if tf.io.gfile.isdir(pattern):
        root = pattern.rstrip("/")
        files = _walk(root)
        shown = [path for path in files if not _is_hidden(path.removeprefix(root), "")]
    elif tf.io.gfile.exists(pattern):
        return pattern.rpartition("/")[0], [pattern]
    else:
        folder, rest = _literal_folder(pattern)
        fixed = rest[: min((rest.find(c) for c in _WILDCARDS if c in rest), default=None)]
        root = (folder + fixed).rpartition("/")[0]
        matched = tf.io.gfile.glob(glob.escape(folder) + rest)
        files = [path for path in matched if not tf.io.gfile.isdir(path)]
        shown = [path for path in files if not _is_hidden(path, pattern)]
    if not shown:
        raise types.UserError(_nothing(pattern, len(files)))
    if hidden := set(files).difference(shown):
        _tell_hidden(pattern, len(hidden), min(hidden))
    return root, sorted(shown)


@functools.cache  # a corpus is listed several times, and told of once
def _tell_hidden(pattern: str, count: int, first: str) -> None:
    _LOGGER.info(
        "%s: hidden files are passed over, because their names, or those of their folders, begin"
        " with . or _: %d, the first %s.",
        pattern,
        count,
        first,
    )


def expand_all(patterns: Sequence[str]) -> list[str]:
    """The files of several patterns, in their order; one that is named twice is there twice.

    Raises:
      UserError: If a pattern names no file; see `expand`.
    """
    return [path for pattern in patterns for path in expand(pattern)[1]]


def _walk(root: str) -> list[str]:
    walked = tf.io.gfile.walk(root)
    return [f"{folder.rstrip('/')}/{name}" for folder, _, names in walked for name in names]


def _literal_folder(pattern: str) -> tuple[str, str]:
    """The longest beginning of a pattern that is a folder as it stands, and the rest."""
    place = pattern.rfind("/")
    while place > 0 and not tf.io.gfile.isdir(pattern[:place]):
        place = pattern.rfind("/", 0, place)
    return pattern[: place + 1], pattern[place + 1 :]


def _is_hidden(path: str, pattern: str) -> bool:
    names, asked = path.split("/"), pattern.split("/")
    asked = asked if len(asked) == len(names) else [""] * len(names)
    return any(
        name.startswith(_HIDDEN) and name not in (".", "..") and name[0] != part[:1]
        for name, part in zip(names, asked, strict=True)
    )


def _nothing(pattern: str, hidden: int) -> str:
    if hidden:
        return (
            f"{pattern!r} names only hidden files ({hidden}), whose names begin with . or _."
            " To read one, give its path."
        )
    wildcards = [c for c in _WILDCARDS if c in pattern]
    hint = f" ({' '.join(wildcards)} in it are wildcards: no file has this very path.)"
    return (
        f"No file matches {pattern!r}. Give a file, a folder, or a pattern such as"
        f" 'corpus/*.jsonl.gz'.{hint if wildcards else ''}"
    )
