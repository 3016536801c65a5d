# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a request is refused with: a gRPC status code, its HTTP counterpart, and a sentence."""

from __future__ import annotations

import grpc

_HTTP = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}


class RequestError(Exception):
    """A request that is not answered.

    Attributes:
      code: Status code of gRPC.
      message: What was wrong, what was received, and the cure.
      http_status: Status code of HTTP.
      retry_after_secs: After how many seconds the same request may succeed; None if it will not.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        *,
        http_status: int | None = None,
        retry_after_secs: int | None = None,
    ):
        super().__init__(message)
        self.code = code
        self.message = message
        self.http_status = http_status or _HTTP.get(code, 500)
        self.retry_after_secs = retry_after_secs


def invalid(message: str, *, http_status: int | None = None) -> RequestError:
    """A request that can never be answered as it is."""
    return RequestError(grpc.StatusCode.INVALID_ARGUMENT, message, http_status=http_status)


def not_found(message: str) -> RequestError:
    """A request for a model, version or label that is not served."""
    return RequestError(grpc.StatusCode.NOT_FOUND, message)


def unimplemented(message: str) -> RequestError:
    """A request for what this server does not do."""
    return RequestError(grpc.StatusCode.UNIMPLEMENTED, message)


def unavailable(message: str) -> RequestError:
    """A request that comes too early, or while the server stops."""
    return RequestError(grpc.StatusCode.UNAVAILABLE, message, retry_after_secs=1)


def too_many(message: str, retry_after_secs: int = 1) -> RequestError:
    """A request that finds the server overloaded, or its sender over the rate limit."""
    return RequestError(
        grpc.StatusCode.RESOURCE_EXHAUSTED, message, retry_after_secs=retry_after_secs
    )


def expired() -> RequestError:
    """A request whose deadline passed before it was answered."""
    return RequestError(
        grpc.StatusCode.DEADLINE_EXCEEDED, "The deadline passed while the request waited or ran."
    )
