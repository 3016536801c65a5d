# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Connects to a model at an address, by REST or by gRPC."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from realm_tf import types
from serving.remote import endpoint, rest_client

_SCHEMES = ("http", "https", "grpc", "grpcs")


@contextlib.contextmanager
def connect(url: str, options: endpoint.Options | None = None) -> Iterator[endpoint.Endpoint]:
    """Yields the endpoint at `http://HOST:PORT`, `https://...`, `grpc://...` or `grpcs://...`.

    REST needs no TensorFlow; gRPC imports it for the messages.

    Raises:
      UserError: If the address is none of these.
    """
    found = _make(url, options or endpoint.Options())
    try:
        yield found
    finally:
        found.close()


def is_address(target: str) -> bool:
    """Whether `connect` takes it; otherwise it names a directory."""
    return target.partition("://")[0] in _SCHEMES and "://" in target


def _make(url: str, options: endpoint.Options) -> endpoint.Endpoint:
    if not is_address(url):
        raise types.UserError(
            f"An address begins with http://, https://, grpc:// or grpcs://. Received: {url}."
        )
    if url.startswith("http"):
        return rest_client.RestEndpoint(url, options)
    from serving.remote import grpc_client  # which imports TensorFlow

    return grpc_client.GrpcEndpoint(url, options)
