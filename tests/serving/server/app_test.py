# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The whole server: start, access, TLS, overload, dropped connections, and the graceful stop."""

import asyncio
import http.client
import json
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from realm_tf import types
from serving.server import app, limits
from tests.serving.server import live, models

PREDICT = "/v1/models/realm:predict"
SLOW = {"signature_name": "slow", "inputs": [30_000]}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    root = tmp_path_factory.mktemp("model")
    models.save(root, 1)
    return root


def _predict(address, channel=None, metadata=()):
    request = predict_pb2.PredictRequest(
        model_spec={"name": "realm"}, inputs={"question": tf.make_tensor_proto(["a"])}
    )
    with channel or grpc.insecure_channel(address) as opened:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(opened)
        response = stub.Predict(request, timeout=30, metadata=metadata)
    return tf.make_ndarray(response.outputs["answer"]).tolist()


def test_token_is_needed_by_both_protocols(path):
    with live.serve(path, token="secret") as server:
        for target in (PREDICT, "/v1/models/realm", "/metrics"):
            assert live.call(server, target).status == 401
        assert live.call(server, "/healthz").status == 200
        right = {"Authorization": "Bearer secret"}
        assert live.call(server, PREDICT, {"inputs": ["a"]}, **right).status == 200
        with pytest.raises(grpc.RpcError) as caught:
            _predict(server.addresses.grpc)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        metadata = [("authorization", "Bearer secret")]
        assert _predict(server.addresses.grpc, metadata=metadata) == [b"A"]


def test_rate_limit(path):
    with live.serve(path, requests_per_sec=1.0) as server:
        found = [live.call(server, PREDICT, {"inputs": ["a"]}) for _ in range(3)]
        assert found[0].status == 200
        assert found[2].status == 429
        assert found[2].headers["retry-after"] == "1"
        with pytest.raises(grpc.RpcError) as caught:
            _predict(server.addresses.grpc)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert dict(caught.value.trailing_metadata())["retry-after"] == "1"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    root = tmp_path_factory.mktemp("tls")
    cert, key = root / "cert.pem", root / "key.pem"
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", names, "-keyout", key, "-out", cert),
        ],
        check=True,
        capture_output=True,
    )
    return str(cert), str(key)


def test_tls(path, certificate):
    cert, key = certificate
    with live.serve(path, tls_cert=cert, tls_key=key) as server:
        assert server.addresses.rest.startswith("https://127.0.0.1:")
        url = server.addresses.rest + "/v1/models/realm"
        context = ssl.create_default_context(cafile=cert)
        with urllib.request.urlopen(url, context=context, timeout=30) as response:
            assert response.status == 200
        with open(cert, "rb") as file:
            credentials = grpc.ssl_channel_credentials(file.read())
        channel = grpc.secure_channel(server.addresses.grpc, credentials)
        assert _predict(None, channel) == [b"A"]


def test_overload_is_answered_at_once(path):
    limit = limits.Limits(max_queue_rows=2, max_rows=1, batch_threads=1, max_batch_size=1)
    with live.serve(path, limits=limit) as server:
        found = []
        threads = [
            threading.Thread(target=lambda: found.append(live.call(server, PREDICT, SLOW)))
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        codes = sorted(one.status for one in found)
        assert codes[0] == 200
        assert codes[-1] == 429
        refused = next(one for one in found if one.status == 429)
        assert "overloaded" in refused.body["error"]
        assert refused.headers["retry-after"] == "1"
        assert live.call(server, PREDICT, {"inputs": ["a"]}).status == 200


def _open(server):
    host, _, port = server.addresses.rest.removeprefix("http://").rpartition(":")
    return socket.create_connection((host, int(port)), timeout=30)


def test_dropped_connections_do_no_harm(path):
    limit = limits.Limits(batch_threads=1, max_batch_size=1)
    with live.serve(path, limits=limit) as server:
        body = json.dumps(SLOW).encode()
        head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        for text in (head, head + body[:5], head + body, b"GET / HTTP/1.1\r\nHo", b"\x16\x03\x01"):
            with _open(server) as connection:
                connection.sendall(text)
        for _ in range(5):  # these would take long if they were run
            with _open(server) as connection:
                connection.sendall(head + body)
        assert live.call(server, PREDICT, {"inputs": ["a"]}).status == 200
        text = live.call(server, "/metrics").body
        assert 'code="CANCELLED",protocol="rest"' in text
        assert "realm_queue_rows 0.0" in text


def test_stop_answers_what_was_accepted(path):
    with live.serve(path) as server:
        found = []
        thread = threading.Thread(target=lambda: found.append(live.call(server, PREDICT, SLOW)))
        thread.start()
        while server.run(_is_idle(server)):
            time.sleep(0.001)
        server.run(server.server.stop())
        thread.join()
        assert found[0].status == 200
        with pytest.raises(urllib.error.URLError, match="refused"):
            live.call(server, "/healthz")


async def _is_idle(server):
    return not server.server.service.versions._users[1]


def test_not_ready_while_it_drains(path):
    with live.serve(path, drain_secs=0.5) as server:
        stopping = asyncio.run_coroutine_threadsafe(server.server.stop(), server._loop)
        while (found := live.call(server, "/readyz")).status == 200:
            pass
        assert found.body == "not ready\n"
        assert live.call(server, PREDICT, {"inputs": ["a"]}).status == 200
        stopping.result(30)


def test_keep_alive(path):
    with live.serve(path) as server:
        connection = http.client.HTTPConnection(server.addresses.rest.removeprefix("http://"))
        for _ in range(3):
            connection.request("POST", PREDICT, b'{"inputs": ["a"]}')
            with connection.getresponse() as response:
                assert json.load(response)["outputs"]["answer"] == ["A"]
        connection.close()


def test_answers_are_sent_at_once():
    async def run():
        seen = asyncio.get_running_loop().create_future()

        def accept(reader, writer):
            accepted = writer.get_extra_info("socket")
            seen.set_result(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listening = app._listen("127.0.0.1", 0)
        async with await asyncio.start_server(accept, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname())
            writer.close()
            return await seen

    assert asyncio.run(run())


def test_what_cannot_start_says_why(path, tmp_path, certificate):
    with live.serve(path) as server:
        port = int(server.addresses.rest.rpartition(":")[2])
        grpc_port = int(server.addresses.grpc.rpartition(":")[2])
        wrong = (
            ({"path": str(tmp_path)}, "holds no exported model"),
            ({"rest_port": port}, "REST cannot listen at 127.0.0.1:"),
            ({"grpc_port": grpc_port}, "gRPC cannot listen at 127.0.0.1:"),
            ({"tls_cert": "/gone", "tls_key": "/gone"}, "/gone cannot be read"),
        )
        for changes, message in wrong:
            settings = {"path": str(path), "grpc_port": 0, "rest_port": 0, **changes}
            with pytest.raises(types.UserError, match=message):
                app.run(app.Settings(**settings), lambda _: pytest.fail("It started."))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tls_cert": "a"}, "both a certificate"),
        ({"name": "a/b"}, "no / and no colon"),
        ({"poll_secs": 0}, "poll_secs must be positive"),
    ],
)
def test_wrong_settings(changes, message):
    with pytest.raises(types.UserError, match=message):
        app.Settings(path="model", **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_batch_size": 0}, "max_batch_size must be positive"),
        ({"max_batch_delay_ms": -1}, "max_batch_delay_ms must be positive"),
        ({"max_queue_rows": 10}, "at least one request"),
    ],
)
def test_wrong_limits(changes, message):
    with pytest.raises(types.UserError, match=message):
        limits.Limits(**changes)
