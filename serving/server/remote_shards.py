# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Shards that other servers hold, `realm serve` or TF Serving: asked here, and merged.

All are asked for the same version, so an answer is never of a mixture: a version is there when all
shards have it. The reader is that of the export's directory.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from realm_tf import types
from serving import apart, sharded
from serving.remote import endpoint, grpc_client
from serving.server import failures, joined, model_store, servable

_SCHEMES = ("grpc://", "grpcs://")
_AVAILABLE = "AVAILABLE"
_AGAIN_SECS = 30.0  # until a version is tried again that could not be taken up


class RemoteShards:
    """The versions of a system whose shards are behind addresses; a `model_store.Store`.

    Args:
      path: Directory of the export, of which only the reader is needed.
      urls: Addresses of all shards, in any order: `grpc://HOST:PORT` or `grpcs://HOST:PORT`.
      options: How they are called.

    Raises:
      UserError: If an address is none of gRPC, or the file of certificates cannot be read.
    """

    def __init__(self, path: str, urls: Sequence[str], options: endpoint.Options):
        for url in urls:
            if not url.startswith(_SCHEMES):
                raise types.UserError(
                    f"The address of a shard begins with grpc:// or grpcs://. Received: {url}."
                )
        self._path = path
        self._readers = model_store.Readers(path)
        self._shards = {url: grpc_client.GrpcEndpoint(url, options) for url in urls}

    def numbers(self) -> list[int]:
        """See `Store`: those that all shards serve."""
        served = {
            url: {n for n, state in shard.versions().items() if state == _AVAILABLE}
            for url, shard in self._shards.items()
        }
        if common := set.intersection(*served.values()):
            return sorted(common)
        found = "; ".join(f"{url} {sorted(numbers)}" for url, numbers in served.items())
        raise types.UserError(f"The shards serve no version in common: {found}.")

    def stamp(self, number: int) -> tuple:
        """See `Store`: another reader is there, or some time has passed."""
        return (*self._readers.numbers(), time.monotonic() // _AGAIN_SECS)

    def load(self, number: int) -> servable.Servable:
        """See `Store`."""
        records = {url: _about(url, shard, number) for url, shard in self._shards.items()}
        first, *_ = order = sharded.in_order(records)
        of_reader, reader = self._readers.load(first, records[first])
        defs = self._shards[first].signature_defs(number)
        shards = [
            {name: _function(self._shards[url], name, number) for name in defs} for url in order
        ]
        path = os.path.join(self._path, str(number))
        model = joined.of_shards(
            path,
            sharded.System(shards, reader, apart.num_read(records[first])),
            defs,
            servable.signature_defs(of_reader),
            records[first],
        )
        return model_store.warmed_up(model, f"version {number} of {', '.join(order)}")


def _about(url: str, shard: grpc_client.GrpcEndpoint, number: int) -> Mapping[str, Any]:
    """The record of a shard, as it tells it."""
    if "about" not in shard.signature_defs(number):
        raise types.UserError(f"{url} serves no shard of `realm export --shards`.")
    found = shard.predict_arrays({"question": ["about"]}, "about", number)
    record: Mapping[str, Any] = json.loads(found["about"][0])
    return record


def _function(shard: grpc_client.GrpcEndpoint, name: str, number: int) -> Callable[..., Any]:
    """A signature of a shard as a function of tensors, which fails as a server's does."""

    def call(**inputs: Any) -> Mapping[str, Any]:
        try:
            arrays = {key: np.asarray(value) for key, value in inputs.items()}
            return shard.predict_arrays(arrays, name, number)
        except endpoint.RefusedError as error:
            raise failures.invalid(str(error)) from error
        except types.UserError as error:
            raise failures.unavailable(str(error)) from error

    return call
