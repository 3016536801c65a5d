# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What nobody should send to a server, and how it may reply: for `serving_soak`."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import random
import socket
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

PREDICT = "/v1/models/realm:predict"
_TIMEOUT_SECS = 60
# Only odd, so it is answered, or asked to come again later.
_ODD = frozenset({"200", "429"})
_REFUSED = frozenset({"400"})
_INVALID = frozenset({"INVALID_ARGUMENT"})
_GONE = frozenset({"closed"})
# The server may close the connection while the body is still on its way.
_TOO_LARGE = frozenset({"413", "BrokenPipeError", "ConnectionResetError"})


class Attacker:
    """Sends hostile requests to a server.

    Args:
      rest: Address of its REST interface, `host:port`.
      grpc_address: Address of its gRPC interface.
    """

    def __init__(self, rest: str, grpc_address: str):
        self._rest, self._grpc = rest, grpc_address
        self._kinds: dict[str, tuple[Callable[[], object], frozenset[str]]] = {
            "empty": (self._rest_with({"inputs": [""]}), _ODD),
            "control characters": (
                self._rest_with(_question("\0\1 \u202e \U0001f600" * 999)),
                _ODD,
            ),
            "1 MB": (self._rest_with(_question("a" * (1 << 20))), _REFUSED),
            "10 MB": (self._rest_with(_question("a" * (10 << 20))), _TOO_LARGE),
            "invalid UTF-8": (self._rest_with(_question(_base64(b"\xff\xfe"))), _REFUSED),
            "half a pair": (self._rest_with(_question("\ud800")), _REFUSED),
            "wrong type": (self._rest_with(_question(3.5)), _REFUSED),
            "NaN as k": (self._rest_with(_retrieve(float("nan"))), _REFUSED),
            "infinite k": (self._rest_with(_retrieve(float("inf"))), _REFUSED),
            "10,000 questions": (self._rest_with({"inputs": ["where?"] * 10_000}), _REFUSED),
            "no JSON": (self._rest_with("{" * 5000), _REFUSED),
            "no HTTP": (self._no_http, frozenset({"HTTP/1.1 400", "closed"})),
            "dropped question": (self._dropped_question, _GONE),
            "dropped answer": (self._dropped_answer, _GONE),
            "slow reader": (self._slow_reader, _GONE),
            "gRPC: scalar": (self._grpc_with("scalar"), _INVALID),
            "gRPC: matrix": (self._grpc_with([["a"]]), _INVALID),
            "gRPC: numbers": (self._grpc_with(np.full(3, np.nan)), _INVALID),
            "gRPC: invalid UTF-8": (self._grpc_with([b"\xff\xfe"]), _INVALID),
            "gRPC: 1 MB": (self._grpc_with(["a" * (1 << 20)]), _INVALID),
            "gRPC: claimed size": (self._claimed_size, _INVALID),
            "gRPC: cancelled": (self._cancelled, frozenset({"CANCELLED", "OK"})),
        }
        self.kinds = tuple(self._kinds)

    def attack(self, kind: str) -> tuple[str, bool]:
        """Sends a hostile request.

        Returns:
          What became of it, and whether that is as it should be.
        """
        send, allowed = self._kinds[kind]
        try:
            outcome = str(send())
        except (OSError, http.client.HTTPException) as error:
            outcome = type(error).__name__
        return outcome, outcome in allowed

    def _rest_with(self, body: object) -> Callable[[], int]:
        data = (body if isinstance(body, str) else json.dumps(body)).encode()

        def send() -> int:
            connection = http.client.HTTPConnection(self._rest, timeout=_TIMEOUT_SECS)
            with contextlib.closing(connection):
                connection.request("POST", PREDICT, data)
                return connection.getresponse().status

        return send

    def _grpc_with(self, value: object) -> Callable[[], str]:
        return lambda: self._call(tf.make_tensor_proto(value))

    def _claimed_size(self) -> str:
        proto = tf.make_tensor_proto(["a"])
        proto.tensor_shape.dim[0].size = 1 << 50
        return self._call(proto)

    def _cancelled(self) -> str:
        return self._call(tf.make_tensor_proto(["where?"] * 64), cancel=True)

    def _call(self, proto: Any, *, cancel: bool = False) -> str:
        request = predict_pb2.PredictRequest(
            model_spec={"name": "realm"}, inputs={"question": proto}
        )
        with grpc.insecure_channel(self._grpc) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            call = stub.Predict.future(request, timeout=_TIMEOUT_SECS)
            if cancel:
                time.sleep(0.002)
                call.cancel()
            return call.code().name

    def _dropped_question(self) -> str:
        with self._connection() as connection:
            connection.sendall(_head(999) + b'{"inputs": ["')
        return "closed"

    def _dropped_answer(self) -> str:
        with self._connection() as connection:
            connection.sendall(_http({"inputs": ["where?"] * 8}))
        return "closed"

    def _slow_reader(self) -> str:
        with self._connection() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            connection.sendall(_http({"inputs": ["where?"] * 64}))
            for _ in range(20):
                connection.recv(256)
                time.sleep(0.05)
        return "closed"

    def _no_http(self) -> str:
        with self._connection() as connection:
            connection.sendall(random.randbytes(500) + b"\r\n\r\n")
            return connection.recv(12).decode("latin1") or "closed"

    def _connection(self) -> socket.socket:
        parts = urllib.parse.urlsplit(f"//{self._rest}")
        return socket.create_connection((parts.hostname, parts.port), timeout=_TIMEOUT_SECS)


def _question(value: object) -> dict[str, Any]:
    return {"inputs": [value]}


def _retrieve(k: float) -> dict[str, Any]:
    return {"signature_name": "retrieve", "inputs": {"question": ["a"], "k": [k]}}


def _base64(value: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(value).decode()}


def _head(length: int) -> bytes:
    return f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode()


def _http(body: dict[str, Any]) -> bytes:
    data = json.dumps(body).encode()
    return _head(len(data)) + data
