# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Good and hostile requests on `realm serve` while new versions are loaded.

    python -m benchmarks.serving_soak QUESTIONS MODEL OTHER_MODEL --minutes 30 --versions 10

The versions are those of the exports in turn, so give the exports before and after a document
update. Good requests, by both protocols, must have the answers that the version named in the reply
gave alone. Hostile ones must be refused, or answered if they are only odd. Printed is JSON:
requests, losses and wrong answers, what became of hostile ones, and the server's resident memory
by version.
"""

from __future__ import annotations

import argparse
import base64
import collections
import contextlib
import http.client
import json
import os
import pathlib
import random
import shutil
import socket
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from benchmarks import serve_process

_PREDICT = "/v1/models/realm:predict"
_NUM_QUESTIONS = 50
_TOLERANCE = 1e-3
Top = tuple[str, str, float]


def main() -> None:
    """Serves, asks and attacks, and tells what was seen."""
    options = _options()
    questions = serve_process.questions(options.questions)[:_NUM_QUESTIONS]
    with tempfile.TemporaryDirectory() as folder:
        _add_version(folder, options.models, 1)
        command = serve_process.realm_serve(folder, "--poll-secs", "0.5")
        with serve_process.running(command) as (process, addresses):
            soak = _Soak(addresses, questions)
            threads = [threading.Thread(target=soak.good_rest) for _ in range(2)]
            threads += [threading.Thread(target=soak.good_grpc) for _ in range(2)]
            threads += [threading.Thread(target=soak.hostile, args=(n,)) for n in range(2)]
            memory = {}
            soak.learn(1)
            for thread in threads:
                thread.start()
            for number in range(1, options.versions + 2):
                if number > 1:
                    _add_version(folder, options.models, number)
                    soak.wait_for(number)
                memory[number] = _memory_mb(
                    process.pid, options.minutes * 60 / (options.versions + 1)
                )
                print(number, memory[number], soak.counts["good"], flush=True, file=sys.stderr)
            soak.stop.set()
            for thread in threads:
                thread.join()
            alive = process.poll() is None
    print(json.dumps({"alive": alive, **soak.figures(), "memory_mb": memory}))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("questions")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--versions", type=int, default=10)
    return parser.parse_args()


def _add_version(folder: str, models: list[str], number: int) -> None:
    """Puts the newest version of an export into the folder, complete from the first moment."""
    model = pathlib.Path(models[(number - 1) % len(models)])
    newest = max((p for p in model.iterdir() if p.name.isdecimal()), key=lambda p: int(p.name))
    aside = os.path.join(folder, f"{number}.tmp")
    shutil.copytree(newest, aside)
    os.rename(aside, os.path.join(folder, str(number)))


class _Soak:
    """Clients that ask until they are told to stop, and count what they see."""

    def __init__(self, addresses: dict[str, str], questions: list[str]):
        self._rest = urllib.parse.urlsplit(addresses["rest"]).netloc
        self._grpc = addresses["grpc"]
        self._questions = questions
        self._expected: dict[tuple[int, str], Top] = {}
        self.stop = threading.Event()
        self.counts: collections.Counter[str] = collections.Counter()
        self._faults: list[str] = []
        self._outcomes: collections.Counter[str] = collections.Counter()

    def figures(self) -> dict:
        """What was seen."""
        return {
            **self.counts,
            "faults": self._faults[:5],
            "hostile": dict(sorted(self._outcomes.items())),
        }

    def learn(self, number: int) -> None:
        """Asks a version each question alone."""
        for question in self._questions:
            path = f"/v1/models/realm/versions/{number}"
            body, _ = self._until_answered({"inputs": [question]}, path)
            self._expected[number, question] = _top(body["outputs"])

    def wait_for(self, number: int) -> None:
        """Waits until a version has taken over, and learns its answers."""
        while self._until_answered({"inputs": [self._questions[0]]})[1] != number:
            time.sleep(0.05)
        self.learn(number)

    def _until_answered(self, body: dict, path: str = "/v1/models/realm") -> tuple[dict, int]:
        """Asks again where the server refuses for now, as it should under such a load."""
        while True:
            with contextlib.suppress(RuntimeError):
                return self._post(body, path)[1:]
            time.sleep(0.05)

    def good_rest(self) -> None:
        """Asks by REST."""
        while not self.stop.is_set():
            batch = random.sample(self._questions, random.randint(1, 4))
            self._good(batch, lambda texts: self._post({"inputs": texts})[1:])

    def good_grpc(self) -> None:
        """Asks by gRPC."""
        with grpc.insecure_channel(self._grpc) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            while not self.stop.is_set():
                batch = random.sample(self._questions, random.randint(1, 4))
                self._good(batch, lambda texts: self._call(stub, tf.make_tensor_proto(texts)))

    def _good(self, batch: list[str], ask: Callable[[list[str]], tuple[dict, int]]) -> None:
        self.counts["good"] += 1
        try:
            body, number = ask(batch)
        except (OSError, RuntimeError, http.client.HTTPException, grpc.RpcError) as error:
            self.counts["lost"] += 1
            self._faults.append(repr(error)[:200])
            return
        outputs = body["outputs"]
        for row, question in enumerate(batch):
            expected = self._expected.get((number, question))
            if expected is None:
                self.counts["before its answers were known"] += 1
                continue
            found = _top({name: value[row : row + 1] for name, value in outputs.items()})
            if found[:2] != expected[:2] or abs(found[2] - expected[2]) > _TOLERANCE:
                self.counts["wrong"] += 1
                self._faults.append(f"{question}: {found} for {expected} of version {number}")

    def hostile(self, seed: int) -> None:
        """Sends what nobody should."""
        draw = random.Random(seed)
        attacks = [name for name in dir(self) if name.startswith("_attack_")]
        while not self.stop.is_set():
            name = draw.choice(attacks)
            try:
                outcome = getattr(self, name)()
            except (OSError, http.client.HTTPException) as error:
                outcome = type(error).__name__
            self._outcomes[f"{name.removeprefix('_attack_')}: {outcome}"] += 1
            time.sleep(0.01)

    def _attack_empty(self) -> int:
        return self._status({"inputs": [""]})

    def _attack_odd_text(self) -> int:
        return self._status({"inputs": ["\x00\x01 \u202e \U0001f600 " + "a" * 10_000]})

    def _attack_megabyte(self) -> int:
        return self._status({"inputs": ["a" * (1 << 20)]})

    def _attack_ten_megabytes(self) -> int:
        return self._status({"inputs": ["a" * (10 << 20)]})

    def _attack_not_utf8(self) -> int:
        return self._status({"inputs": [{"b64": base64.b64encode(b"\xff\xfe").decode()}]})

    def _attack_wrong_type(self) -> int:
        return self._status({"inputs": [3.5]})

    def _attack_nan(self) -> int:
        inputs = {"question": ["a"], "k": [float("nan")]}
        return self._status({"signature_name": "retrieve", "inputs": inputs})

    def _attack_many_questions(self) -> int:
        return self._status({"inputs": ["where?"] * 10_000})

    def _attack_scalar(self) -> str:
        return self._code(tf.make_tensor_proto("scalar"))

    def _attack_matrix(self) -> str:
        return self._code(tf.make_tensor_proto([["a"]]))

    def _attack_claimed_size(self) -> str:
        proto = tf.make_tensor_proto(["a"])
        proto.tensor_shape.dim[0].size = 1 << 50
        return self._code(proto)

    def _attack_numbers(self) -> str:
        return self._code(tf.make_tensor_proto(np.full(3, np.nan)))

    def _attack_dropped(self) -> str:
        with socket.create_connection(self._address(), timeout=30) as connection:
            head = f"POST {_PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n"
            connection.sendall(head.encode() + b'{"inputs": ["')
        return "closed"

    def _attack_dropped_answer(self) -> str:
        body = json.dumps({"inputs": ["where?"] * 8}).encode()
        with socket.create_connection(self._address(), timeout=30) as connection:
            head = f"POST {_PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)
        return "closed"

    def _attack_slow_reader(self) -> str:
        body = json.dumps({"inputs": ["where?"] * 64}).encode()
        with socket.create_connection(self._address(), timeout=60) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            head = f"POST {_PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)
            for _ in range(20):
                connection.recv(256)
                time.sleep(0.05)
        return "closed"

    def _attack_garbage(self) -> str:
        with socket.create_connection(self._address(), timeout=30) as connection:
            connection.sendall(random.randbytes(500) + b"\r\n\r\n")
            return connection.recv(12).decode("latin1") or "closed"

    def _address(self) -> tuple[str, int]:
        host, _, port = self._rest.rpartition(":")
        return host, int(port)

    def _status(self, body: dict) -> int:
        connection = http.client.HTTPConnection(self._rest, timeout=60)
        try:
            connection.request("POST", _PREDICT, json.dumps(body).encode())
            return connection.getresponse().status
        finally:
            connection.close()

    def _code(self, proto: object) -> str:
        with grpc.insecure_channel(self._grpc) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            try:
                self._call(stub, proto)
            except grpc.RpcError as error:
                return error.code().name
        return "OK"

    def _post(self, body: dict, path: str = "/v1/models/realm") -> tuple[int, dict, int]:
        connection = http.client.HTTPConnection(self._rest, timeout=60)
        try:
            connection.request("POST", f"{path}:predict", json.dumps(body).encode())
            response = connection.getresponse()
            text = response.read()
            if response.status != 200:
                raise RuntimeError(text.decode())
            return response.status, json.loads(text), int(response.headers["x-model-version"])
        finally:
            connection.close()

    def _call(self, stub: Any, proto: object) -> tuple[dict, int]:
        request = predict_pb2.PredictRequest(
            model_spec={"name": "realm"}, inputs={"question": proto}
        )
        response = stub.Predict(request, timeout=60)
        outputs = {name: _lists(value) for name, value in response.outputs.items()}
        return {"outputs": outputs}, response.model_spec.version.value


def _lists(proto: object) -> list:
    value = tf.make_ndarray(proto)
    return (np.char.decode(value.astype("S"), "utf-8") if value.dtype == object else value).tolist()


def _top(outputs: dict) -> Top:
    return outputs["answer"][0][0], outputs["block_id"][0][0], outputs["score"][0][0]


def _memory_mb(pid: int, secs: float) -> dict[str, int]:
    """The least and the largest resident memory of a process in a time."""
    seen: list[int] = []
    end = time.monotonic() + secs
    while time.monotonic() < end or not seen:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        seen.append(int(status.split("VmRSS:")[1].split()[0]) // 1024)
        time.sleep(0.2)
    return {"least": min(seen), "most": max(seen)}


if __name__ == "__main__":
    main()
