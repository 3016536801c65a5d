# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Who may ask, and how often: a bearer token, and a rate limit for each client."""

from __future__ import annotations

import collections
import hmac
import math
import time

import grpc

from realm_tf import types
from serving.server import failures

_MAX_CLIENTS = 10_000  # whose requests are counted; the one that was seen longest ago is forgotten


class Access:
    """Admits requests, or refuses them.

    Args:
      token: What a request must carry as `Authorization: Bearer TOKEN`; None admits all.
      requests_per_sec: Requests that one client (one address) may send in a second, on average;
        None for any number. It may send as many at once as in one second, and at least one.

    Raises:
      UserError: If the token is empty or the rate is not positive.
    """

    def __init__(self, token: str | None = None, requests_per_sec: float | None = None):
        if token is not None and (not token or not token.isascii() or not token.isprintable()):
            raise types.UserError("The token must be printable ASCII characters, at least one.")
        if requests_per_sec is not None and not requests_per_sec > 0:
            raise types.UserError(f"The rate limit must be positive. Received: {requests_per_sec}.")
        self._wanted = None if token is None else f"Bearer {token}".encode()
        self._rate = requests_per_sec
        # Client: the tokens in its bucket, and when they were counted.
        self._buckets: collections.OrderedDict[str, tuple[float, float]] = collections.OrderedDict()

    def admit(self, client: str, authorization: str | None) -> None:
        """Admits a request.

        Args:
          client: Address that it comes from.
          authorization: Its header or metadata of that name.

        Raises:
          RequestError: If the token is missing or wrong, or the client is over its rate.
        """
        if self._wanted is not None:
            given = (authorization or "").encode("utf-8", "surrogateescape")
            if not hmac.compare_digest(given, self._wanted):
                raise failures.RequestError(
                    grpc.StatusCode.UNAUTHENTICATED,
                    "The request needs the header Authorization: Bearer TOKEN with the server's"
                    " token.",
                )
        if self._rate is not None:
            self._spend(client, self._rate)

    def _spend(self, client: str, rate: float) -> None:
        now, size = time.monotonic(), max(1.0, rate)
        left, since = self._buckets.pop(client, (size, now))
        left = min(size, left + (now - since) * rate)
        self._buckets[client] = (left - 1 if left >= 1 else left, now)
        if len(self._buckets) > _MAX_CLIENTS:
            self._buckets.popitem(last=False)
        if left < 1:
            raise failures.too_many(
                f"More than {rate:g} requests a second. Try again later.",
                retry_after_secs=math.ceil((1 - left) / rate),
            )
