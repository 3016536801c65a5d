# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Good and hostile requests on `realm serve` while new versions are loaded.

    python -m benchmarks.serving_soak QUESTIONS MODEL OTHER_MODEL --minutes 30 --versions 10

The versions are those of the exports in turn, so give the exports before and after a document
update. Good requests, by both protocols, must have the answers that the export of the version named
in the reply gives in this process, question by question. Hostile ones (`hostile_requests`) must be
refused, or answered if they are only odd. Printed is JSON: requests, losses and wrong answers, what
became of hostile ones, what of that should not have been (`faults`), and the server's resident
memory by version.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import http.client
import json
import math
import os
import pathlib
import random
import shutil
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from benchmarks import hostile_requests, serve_process
from serving import client, replies

_NUM_QUESTIONS = 50
_TOLERANCE = 1e-3
Expected = list[dict[str, replies.Reply]]  # of each export, by question


def main() -> None:
    """Serves, asks and attacks, and tells what was seen."""
    options = _options()
    questions = serve_process.questions(options.questions)[:_NUM_QUESTIONS]
    expected = [_alone(model, questions) for model in options.models]
    with tempfile.TemporaryDirectory() as folder:
        _add_version(folder, options.models, 1)
        command = serve_process.realm_serve(folder, "--poll-secs", "0.5")
        with serve_process.running(command) as (process, addresses):
            soak = _Soak(addresses, expected)
            with soak.running():
                memory = {}
                for number in range(1, options.versions + 2):
                    if number > 1:
                        _add_version(folder, options.models, number)
                    soak.wait_for(number)
                    secs = options.minutes * 60 / (options.versions + 1)
                    memory[number] = _memory_mb(process.pid, secs)
                    print(number, memory[number], dict(soak.counts), flush=True, file=sys.stderr)
            alive = process.poll() is None
    print(json.dumps({"alive": alive, **soak.figures(), "memory_mb": memory}))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("questions")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--versions", type=int, default=10)
    return parser.parse_args()


def _alone(model: str, questions: Sequence[str]) -> dict[str, replies.Reply]:
    """The answers of an export without a server, to each question by itself."""
    found = client.reply(client.load(model), questions, batch_size=1)
    return {reply.question: reply for reply in found}


def _add_version(folder: str, models: list[str], number: int) -> None:
    """Puts the newest version of an export into the folder, complete from the first moment."""
    model = pathlib.Path(models[(number - 1) % len(models)])
    newest = max((p for p in model.iterdir() if p.name.isdecimal()), key=lambda p: int(p.name))
    aside = os.path.join(folder, f"{number}.tmp")
    shutil.copytree(newest, aside)
    os.rename(aside, os.path.join(folder, str(number)))


class _Soak:
    """Clients that ask until they are told to stop, and count what they see.

    Args:
      addresses: Addresses of the server by protocol.
      expected: What is right, for the exports that the versions are in turn.
    """

    def __init__(self, addresses: dict[str, str], expected: Expected):
        self._rest = urllib.parse.urlsplit(addresses["rest"]).netloc
        self._grpc = addresses["grpc"]
        self._expected, self._questions = expected, list(expected[0])
        self._attacker = hostile_requests.Attacker(self._rest, self._grpc)
        self._stop, self._lock = threading.Event(), threading.Lock()
        self.counts: collections.Counter[str] = collections.Counter()
        self._answered: collections.Counter[int] = collections.Counter()
        self._outcomes: collections.Counter[str] = collections.Counter()
        self._faults: list[str] = []

    def figures(self) -> dict[str, Any]:
        """What was seen."""
        return {
            **dict.fromkeys(("lost", "wrong", "hostile that ended otherwise"), 0),
            **self.counts,
            "answered by version": dict(sorted(self._answered.items())),
            "faults": self._faults[:5],
            "hostile": dict(sorted(self._outcomes.items())),
        }

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Asks and attacks until it is left."""
        work = [self._good_rest, self._good_grpc, self._hostile]
        threads = [threading.Thread(target=one) for one in work for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def wait_for(self, number: int) -> None:
        """Waits until a version has answered."""
        while not self._answered[number]:
            time.sleep(0.05)

    def _count(self, name: str, fault: str = "") -> None:
        with self._lock:
            self.counts[name] += 1
            if fault:
                self._faults.append(fault[:500])

    def _good_rest(self) -> None:
        """Asks by REST."""
        while not self._stop.is_set():
            self._good(self._post)

    def _good_grpc(self) -> None:
        """Asks by gRPC."""
        with grpc.insecure_channel(self._grpc) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            while not self._stop.is_set():
                self._good(lambda texts: self._call(stub, texts))

    def _good(self, ask: Callable[[Sequence[str]], tuple[dict[str, Any], int]]) -> None:
        batch = random.sample(self._questions, random.randint(1, 4))
        self._count("good")
        try:
            outputs, number = ask(batch)
        except (OSError, RuntimeError, http.client.HTTPException, grpc.RpcError) as error:
            self._count("lost", repr(error))
            return
        with self._lock:
            self._answered[number] += 1
        right = self._expected[(number - 1) % len(self._expected)]
        for found in replies.from_outputs(batch, outputs):
            self._count("answers")
            if not _same(found, right[found.question]):
                self._count("wrong", f"{found} for {right[found.question]} of version {number}")

    def _hostile(self) -> None:
        """Sends what nobody should."""
        while not self._stop.is_set():
            kind = random.choice(self._attacker.kinds)
            outcome, as_it_should = self._attacker.attack(kind)
            with self._lock:
                self._outcomes[f"{kind}: {outcome}"] += 1
            if not as_it_should:
                self._count("hostile that ended otherwise", f"{kind}: {outcome}")
            time.sleep(0.01)

    def _post(self, texts: Sequence[str]) -> tuple[dict[str, Any], int]:
        connection = http.client.HTTPConnection(self._rest, timeout=60)
        with contextlib.closing(connection):
            connection.request(
                "POST", hostile_requests.PREDICT, json.dumps({"inputs": texts}).encode()
            )
            response = connection.getresponse()
            text = response.read()
            if response.status != 200:
                raise RuntimeError(text.decode())
            return json.loads(text)["outputs"], int(response.headers["x-model-version"])

    def _call(self, stub: Any, texts: Sequence[str]) -> tuple[dict[str, Any], int]:
        request = predict_pb2.PredictRequest(
            model_spec={"name": "realm"}, inputs={"question": tf.make_tensor_proto(texts)}
        )
        response = stub.Predict(request, timeout=60)
        outputs = {name: tf.make_ndarray(value) for name, value in response.outputs.items()}
        return outputs, response.model_spec.version.value


def _same(found: replies.Reply, expected: replies.Reply) -> bool:
    """Whether all answers are the same, in the same order, and their numbers nearly so."""
    pairs = [(vars(a), vars(b)) for a, b in zip(found.answers, expected.answers, strict=False)]
    return len(found.answers) == len(expected.answers) and all(
        math.isclose(a[name], b[name], abs_tol=_TOLERANCE)
        if isinstance(b[name], float)
        else a[name] == b[name]
        for a, b in pairs
        for name in b
    )


def _memory_mb(pid: int, secs: float) -> dict[str, int]:
    """The resident memory of a process in a time: its least, largest and middle value."""
    seen: list[int] = []
    end = time.monotonic() + secs
    while time.monotonic() < end or not seen:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        seen.append(int(status.split("VmRSS:")[1].split()[0]) // 1024)
        time.sleep(0.2)
    return {"least": min(seen), "median": int(np.median(seen)), "most": max(seen)}


if __name__ == "__main__":
    main()
