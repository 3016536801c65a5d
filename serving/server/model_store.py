# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The directory of an export, from which a server loads versions: of one model, or of several.

The version of a pair is that of its retriever, and that of a divided corpus that of its shards,
because every change of a system writes them. With it goes the newest reader of the same training,
which stays in memory while retrievers come and go.
"""

from __future__ import annotations

import logging
import os
import weakref
from collections.abc import Mapping
from typing import Any, Protocol

from realm_tf import types
from realm_tf.artifacts import gfile
from serving import apart, saved_models, sharded, versions
from serving.server import joined, servable

_LOGGER = logging.getLogger(__name__)


class Store(Protocol):
    """Where the versions of a model are."""

    def numbers(self) -> list[int]:
        """Numbers of the versions.

        Raises:
          UserError, OSError: If that cannot be told now.
        """

    def stamp(self, number: int) -> tuple:
        """What changes when a version that could not be loaded may be good now."""

    def load(self, number: int) -> servable.Servable:
        """Loads a version, and answers its warm-up requests.

        Raises:
          UserError: If it is not whole, damaged, without a reader, or a warm-up request fails.
        """


class Readers:
    """The readers of an export, each in memory once, as long as it is used.

    Args:
      path: Directory of the export.
    """

    def __init__(self, path: str):
        self._path = path
        self._loaded: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()

    def numbers(self) -> list[int]:
        """Numbers of the versions."""
        return versions.complete(os.path.join(self._path, versions.READER))

    def load(self, retriever: str, record: Mapping[str, Any]) -> tuple[str, Any]:
        """The directory of the reader of a retriever, and the reader; see `apart.reader_of`."""
        path = apart.reader_of(self._path, retriever, record)
        if (reader := self._loaded.get(path)) is None:
            reader = self._loaded[path] = saved_models.load(path)
        return path, reader


def warmed_up(model: servable.Servable, path: str) -> servable.Servable:
    """Answers the warm-up requests of a model, and returns it.

    Raises:
      UserError: If one fails.
    """
    try:
        count = model.warm_up()
    except types.UserError:
        model.close()
        raise
    _LOGGER.info("%s is loaded, with %d warm-up requests.", path, count)
    return model


class ModelStore:
    """Versions of a model on disk; a `Store`.

    Args:
      path: Directory of the export, which holds its versions, or retriever or shards and reader.
    """

    def __init__(self, path: str):
        self._path = path
        self._readers = Readers(path)

    def numbers(self) -> list[int]:
        """See `Store`."""
        return versions.complete_in_all(self._parents())

    def stamp(self, number: int) -> tuple:
        """See `Store`: a version is written again, or a reader that may belong to it."""
        names = (versions.MODEL, versions.RECORD, "variables/variables.index")
        paths = [os.path.join(v, name) for v in self._versions(number) for name in names]
        stats = tuple(gfile.stat(p) if gfile.exists(p) else None for p in paths)
        return (*stats, *self._readers.numbers())

    def load(self, number: int) -> servable.Servable:
        """See `Store`."""
        first = self._versions(number)[0]
        if versions.shards(self._path):
            model = self._load_shards(number)
        else:
            model = self._load_pair(first) if apart.are_apart(self._path) else servable.load(first)
        return warmed_up(model, first)

    def _parents(self) -> list[str]:
        """Directories of versions: a version is in all of them."""
        if shards := versions.shards(self._path):
            return shards
        is_pair = apart.are_apart(self._path)
        return [os.path.join(self._path, versions.RETRIEVER) if is_pair else self._path]

    def _versions(self, number: int) -> list[str]:
        return [os.path.join(parent, str(number)) for parent in self._parents()]

    def _load_pair(self, path: str) -> servable.Servable:
        versions.require_whole(path)
        of_reader, reader = self._readers.load(path, versions.record(path))
        pair = apart.join(saved_models.load(path), reader, path)
        functions = pair.signatures()
        protos = {
            **servable.signature_defs(path),
            "read": servable.signature_defs(of_reader)["read"],
            **{n: servable.proto_of(functions[n]) for n in ("serving_default", "answer")},
        }
        return joined.Joined(path, pair, protos, functions)

    def _load_shards(self, number: int) -> servable.Servable:
        shards = sharded.local_versions(self._path, number)
        of_reader, reader = self._readers.load(shards[0], versions.record(shards[0]))
        return joined.of_shards(
            shards[0],
            sharded.join(shards, reader),
            servable.signature_defs(shards[0]),
            servable.signature_defs(of_reader),
            versions.record(shards[0]),
        )
