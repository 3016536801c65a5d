# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A server on free ports of the loopback, on an event loop in a thread of its own."""

import asyncio
import contextlib
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any, NamedTuple

from serving.server import app


class Live:
    """A server that runs.

    Attributes:
      server: The server; its parts are for its own thread.
      addresses: Where it listens.
    """

    def __init__(self, settings: app.Settings):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.server = self.run(_make(settings))
        # A machine with much other work may take minutes to load a model.
        self.addresses: app.Addresses = self.run(self.server.start(), timeout=600)

    def run(self, coroutine: Any, timeout: float = 60) -> Any:
        """Runs a coroutine on the server's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout)

    def stop(self) -> None:
        """Stops the server and its thread."""
        self.run(self.server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


async def _make(settings: app.Settings) -> app.Server:
    return app.Server(settings)


@contextlib.contextmanager
def serve(path: Any, **changes: Any) -> Iterator[Live]:
    """Serves the model in a directory while the block lasts."""
    settings = {"grpc_port": 0, "rest_port": 0, "poll_secs": 0.05, **changes}
    live = Live(app.Settings(path=str(path), **settings))
    try:
        yield live
    finally:
        live.stop()


class Answer(NamedTuple):
    """What an HTTP server answered."""

    status: int
    headers: dict[str, str]
    body: Any


def call(live: Live, path: str, body: Any = None, **headers: str) -> Answer:
    """GET, or POST if there is a body: bytes, or what is written as JSON."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(
        live.addresses.rest + path, data, {k.replace("_", "-"): v for k, v in headers.items()}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return _answer(response)
    except urllib.error.HTTPError as error:
        with error:
            return _answer(error)


def _answer(response: Any) -> Answer:
    text = response.read().decode()
    headers = {name.lower(): value for name, value in response.headers.items()}
    is_json = headers["content-type"].startswith("application/json")
    return Answer(response.status, headers, json.loads(text) if is_json else text)
