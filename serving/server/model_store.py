# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The directory of an export, from which a server loads versions: of one model, or of a pair.

The version of a pair is that of its retriever, because every change of a system writes one. With it
goes the newest reader of the same training, which stays in memory while retrievers come and go.
"""

from __future__ import annotations

import logging
import os
import weakref
from collections.abc import Iterator
from typing import Any

from realm_tf import types
from realm_tf.artifacts import gfile
from serving import apart, saved_models, versions, warmup
from serving.server import servable

_LOGGER = logging.getLogger(__name__)


class ModelStore:
    """Versions of a model on disk.

    Args:
      path: Directory of the export, which holds its versions, or retriever and reader apart.
    """

    def __init__(self, path: str):
        self._path = path
        self._readers: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()

    def numbers(self) -> list[int]:
        """Numbers of the versions."""
        return versions.complete(self._parent())

    def stamp(self, number: int) -> tuple:
        """What changes when a version is written again, or a reader that may belong to it."""
        names = (versions.MODEL, versions.RECORD, "variables/variables.index")
        paths = [os.path.join(self._version(number), name) for name in names]
        stats = tuple(gfile.stat(p) if gfile.exists(p) else None for p in paths)
        return (*stats, *versions.complete(os.path.join(self._path, versions.READER)))

    def load(self, number: int) -> servable.Servable:
        """Loads a version, and answers its warm-up requests.

        Raises:
          UserError: If it is not whole, damaged, without a reader, or a warm-up request fails.
        """
        path = self._version(number)
        model = self._load_pair(path) if apart.are_apart(self._path) else servable.load(path)
        try:
            count = model.warm_up()
        except types.UserError:
            model.close()
            raise
        _LOGGER.info("%s is loaded, with %d warm-up requests.", path, count)
        return model

    def _parent(self) -> str:
        return (
            os.path.join(self._path, versions.RETRIEVER)
            if apart.are_apart(self._path)
            else self._path
        )

    def _version(self, number: int) -> str:
        return os.path.join(self._parent(), str(number))

    def _load_pair(self, path: str) -> servable.Servable:
        versions.require_whole(path)
        of_reader = apart.reader_of(self._path, path)
        if (reader := self._readers.get(of_reader)) is None:
            reader = self._readers[of_reader] = saved_models.load(of_reader)
        pair = apart.join(saved_models.load(path), reader, path)
        functions = pair.signatures()
        protos = {
            **servable.signature_defs(path),
            "read": servable.signature_defs(of_reader)["read"],
            **{n: servable.proto_of(functions[n]) for n in ("serving_default", "answer")},
        }
        return _Pair(path, pair, protos, functions)


class _Pair(servable.Servable):
    """Two models as one, whose warm-up requests are not those of either."""

    def _warmup_requests(self) -> Iterator[tuple[str, servable.Arrays]]:
        return warmup.requests({name: one.inputs for name, one in self.signatures.items()})
