# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The whole server: both protocols on one event loop, from its start to its graceful stop."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import signal
import socket
from collections.abc import Callable, Iterator

import grpc
import uvicorn

from realm_tf import types
from realm_tf.artifacts import gfile
from serving.remote import endpoint
from serving.server import (
    access,
    grpc_service,
    limits,
    model_store,
    policy,
    remote_shards,
    rest,
    service,
)

_LOGGER = logging.getLogger(__name__)
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a server serves, where, and to whom.

    Attributes:
      path: Directory of the exported model, which holds its versions.
      name: Name by which requests call the model.
      host: Address to listen at; other machines reach the server only if it is not loopback.
      grpc_port: Port of gRPC; 0 takes a free one.
      rest_port: Port of REST; 0 takes a free one.
      policy: Which versions are served.
      poll_secs: Seconds between two looks for new versions.
      page: Whether the page for people is served at `/`.
      token: Bearer token that requests must carry; None for no token.
      requests_per_sec: Requests that one client may send in a second; None for any number.
      tls_cert: File of the certificate chain (PEM), for TLS on both ports.
      tls_key: File of its private key (PEM).
      shards: Addresses of the shards that other servers hold, see `remote_shards`; none: all is
        here.
      shard_token: Bearer token that these servers ask for; None for no token.
      shard_ca_file: File of certificates to trust of them (PEM); None: the system's.
      drain_secs: Seconds after a signal in which the server reports itself as not ready, and
        still answers.
      limits: Limits on requests, batches and the queue.

    Raises:
      UserError: If they do not go together.
    """

    path: str
    name: str = "realm"
    host: str = "127.0.0.1"
    grpc_port: int = 8500
    rest_port: int = 8501
    policy: policy.Policy = dataclasses.field(default_factory=policy.Policy)
    poll_secs: float = 1.0
    page: bool = False
    token: str | None = None
    requests_per_sec: float | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    shards: tuple[str, ...] = ()
    shard_token: str | None = None
    shard_ca_file: str | None = None
    drain_secs: float = 0.0
    limits: limits.Limits = dataclasses.field(default_factory=limits.Limits)

    def __post_init__(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise types.UserError("TLS needs both a certificate and its private key.")
        if not self.name or any(sign in self.name for sign in "/:"):
            raise types.UserError(
                f"A model's name holds no / and no colon. Received: {self.name!r}."
            )
        if not self.poll_secs > 0 or self.drain_secs < 0:
            raise types.UserError("poll_secs must be positive, and drain_secs not negative.")


@dataclasses.dataclass(frozen=True)
class Addresses:
    """Where a server listens: `127.0.0.1:8500` for gRPC, `http://127.0.0.1:8501` for REST."""

    grpc: str
    rest: str


class _Uvicorn(uvicorn.Server):
    """Uvicorn without its own signal handlers."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Server:
    """A server that runs on the event loop on which it was made.

    Args:
      settings: What it serves, where, and to whom.

    Raises:
      UserError: If an address, certificate or token cannot be used.
    """

    def __init__(self, settings: Settings):
        self._settings = settings
        self._door = access.Access(settings.token, settings.requests_per_sec)
        self.service = service.Service(
            settings.name, settings.path, settings.policy, settings.limits, _store(settings)
        )
        self._watching: asyncio.Task | None = None
        self._grpc: grpc.aio.Server | None = None
        self._uvicorn: _Uvicorn | None = None

    async def start(self) -> Addresses:
        """Listens, then loads the model; until that is done the server reports it is not ready.

        Raises:
          UserError: If a port is taken, or no version can be loaded.
        """
        settings = self._settings
        if settings.host not in LOOPBACK and settings.token is None:
            _LOGGER.warning("Anyone who reaches %s may ask: there is no token.", settings.host)
        grpc_port = await self._start_grpc()
        rest_port = await self._start_rest()
        versions = self.service.versions
        await versions.refresh()
        if not len(versions):
            errors = [s.error for s in versions.statuses().values() if s.error]
            raise types.UserError(
                errors[0] if errors else f"{settings.path} holds no exported model."
            )
        self._watching = asyncio.create_task(versions.watch(settings.poll_secs))
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        scheme = "http" if settings.tls_cert is None else "https"
        return Addresses(f"{host}:{grpc_port}", f"{scheme}://{host}:{rest_port}")

    async def stop(self) -> None:
        """Answers what was accepted, and stops.

        For `drain_secs` it also accepts more, so that a load balancer has time to see that the
        server is not ready any more.
        """
        self.service.stop_accepting()
        await asyncio.sleep(self._settings.drain_secs)
        if self._uvicorn is not None:
            self._uvicorn.should_exit = True
        if self._grpc is not None:
            await self._grpc.stop(self._settings.limits.timeout_secs)
        if self._uvicorn is not None:
            await self._serving
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await self.service.close()

    async def _start_grpc(self) -> int:
        settings = self._settings
        size = settings.limits.max_request_bytes
        server = self._grpc = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", size),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", 0),
            ],
            maximum_concurrent_rpcs=settings.limits.max_connections,
        )
        grpc_service.add_to(server, self.service, self._door)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        address = f"{host}:{settings.grpc_port}"
        try:
            if settings.tls_cert is None or settings.tls_key is None:
                port = server.add_insecure_port(address)
            else:
                pair = (_read(settings.tls_key), _read(settings.tls_cert))
                credentials = grpc.ssl_server_credentials([pair])
                port = server.add_secure_port(address, credentials)
        except (RuntimeError, ValueError) as error:
            raise types.UserError(f"gRPC cannot listen at {address}: {error}.") from error
        await server.start()
        return port

    async def _start_rest(self) -> int:
        settings = self._settings
        listening = _listen(settings.host, settings.rest_port)
        app = rest.Api(self.service, self._door).app(with_page=settings.page)
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="error",  # a warning for each malformed request would fill the log
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            proxy_headers=False,
            limit_concurrency=settings.limits.max_connections,
            timeout_graceful_shutdown=round(settings.limits.timeout_secs),
            ssl_certfile=settings.tls_cert,
            ssl_keyfile=settings.tls_key,
        )
        try:
            config.load()
        except (OSError, ValueError) as error:
            raise types.UserError(f"TLS cannot use {settings.tls_cert}: {error}.") from error
        server = self._uvicorn = _Uvicorn(config)
        self._serving = asyncio.create_task(server.serve([listening]))
        while not server.started:
            await asyncio.sleep(0.01)
        return listening.getsockname()[1]


def _store(settings: Settings) -> model_store.Store | None:
    """Where the versions are, if it is not the directory alone."""
    if not settings.shards:
        return None
    options = endpoint.Options(
        model=settings.name,
        token=settings.shard_token,
        ca_file=settings.shard_ca_file,
        timeout_secs=settings.limits.timeout_secs,
    )
    return remote_shards.RemoteShards(settings.path, settings.shards, options)


def run(settings: Settings, on_start: Callable[[Addresses], None]) -> None:
    """Serves until SIGINT or SIGTERM comes, and then stops gracefully.

    Args:
      settings: What is served, where, and to whom.
      on_start: Called when the server is ready.

    Raises:
      UserError: If the server cannot start.
    """
    asyncio.run(_run(settings, on_start))


async def _run(settings: Settings, on_start: Callable[[Addresses], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    server = Server(settings)
    try:
        addresses = await server.start()
        for number in _SIGNALS:
            loop.add_signal_handler(number, stop.set)
        on_start(addresses)
        await stop.wait()
        _LOGGER.info("Stopping: what was accepted is answered first.")
        for number in _SIGNALS:
            loop.remove_signal_handler(number)  # a second one ends the process at once
    finally:
        await server.stop()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # The protocol is named, because asyncio switches Nagle's algorithm off for those sockets
        # alone, and with it on an answer takes 40 ms more.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        raise types.UserError(f"REST cannot listen at {host}:{port}: {error.strerror}.") from error
    return listening


def _read(path: str) -> bytes:
    try:
        with gfile.GFile(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise types.UserError(f"{path} cannot be read: {error.strerror}.") from error
