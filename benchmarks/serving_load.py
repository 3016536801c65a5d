# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Load on `realm serve`: answers per second and latency at rising concurrency.

    python -m benchmarks.serving_load MODEL QUESTIONS --secs 10 --concurrency 1,4,16,64

The server is a process of its own, started and stopped here; this process is the client, with one
thread and one connection for each request that is under way. QUESTIONS is a file with a question in
each line, or of JSON Lines (also .gz) with "question". Each level begins with two seconds that are
not counted. Printed is a table, and a line of JSON; CPU is what the server takes for an answer.
`--server "--max-batch-size 1"` gives the server other options, and `--url` takes a server that
runs, which may be TF Serving.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.client
import itertools
import json
import os
import shlex
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Sequence

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from benchmarks import serve_process

_PERCENTILES = (50, 95, 99)
_UNCOUNTED_SECS = 2.0
Ask = Callable[[str], bool]


def main() -> None:
    """Measures one protocol after the other, level by level."""
    options = _options()
    questions = serve_process.questions(options.questions)
    levels = [int(level) for level in options.concurrency.split(",")]
    figures = []
    with _server(options) as (addresses, pid):
        for protocol in options.protocols.split(","):
            load = Load(protocol, addresses[protocol], questions, options.signature, pid)
            for level in levels:
                found = load.measure(level, options.secs)
                figures.append({"protocol": protocol, "concurrency": level, **found})
                print(line(figures[-1]), flush=True)
    print(json.dumps({"server": options.server, "figures": figures}))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("questions")
    parser.add_argument("--secs", type=float, default=10.0)
    parser.add_argument("--concurrency", default="1,2,4,8,16,32,64")
    parser.add_argument("--protocols", default="grpc,rest")
    parser.add_argument("--signature", default="serving_default")
    parser.add_argument("--server", default="")
    parser.add_argument("--url", nargs=2, metavar=("GRPC", "REST"))
    return parser.parse_args()


@contextlib.contextmanager
def _server(options: argparse.Namespace) -> Iterator[tuple[dict[str, str], int | None]]:
    """Yields the addresses of a server, by protocol, and its process."""
    if options.url:
        yield dict(zip(("grpc", "rest"), options.url, strict=True)), None
        return
    command = serve_process.realm_serve(options.model, *shlex.split(options.server))
    with serve_process.running(command) as (process, addresses):
        yield addresses, process.pid


class Load:
    """Clients of a server, each with a connection of its own.

    Args:
      protocol: "grpc" or "rest".
      address: Where the server listens.
      questions: What is asked, in turn.
      signature: Signature that is called.
      pid: The server's process, if its processor time is to be measured.
    """

    def __init__(
        self,
        protocol: str,
        address: str,
        questions: Sequence[str],
        signature: str = "serving_default",
        pid: int | None = None,
    ):
        self._client = functools.partial(_CLIENTS[protocol], address, signature)
        self._questions, self._pid, self._turns = questions, pid, itertools.count()

    def measure(self, level: int, secs: float) -> dict[str, float]:
        """Asks without a pause from `level` threads for `secs` seconds, and tells what was seen."""
        start = time.monotonic() + _UNCOUNTED_SECS
        answered: list[float] = []
        refused: list[float] = []
        threads = [
            threading.Thread(target=self._work, args=(start, start + secs, answered, refused))
            for _ in range(level)
        ]
        for thread in threads:
            thread.start()
        time.sleep(_UNCOUNTED_SECS)
        cpu = -self._cpu_secs()
        for thread in threads:
            thread.join()
        elapsed, cpu = time.monotonic() - start, cpu + self._cpu_secs()
        latency = np.percentile(np.array(answered or [0.0]) * 1e3, _PERCENTILES)
        names = [f"p{p}_ms" for p in _PERCENTILES]
        return {
            "answers_per_sec": round(len(answered) / elapsed, 1),
            **{name: round(float(ms), 1) for name, ms in zip(names, latency, strict=True)},
            "cpu_ms": round(1e3 * cpu / max(len(answered), 1), 1),
            "refused": len(refused),
        }

    def _work(self, start: float, end: float, answered: list[float], refused: list[float]) -> None:
        with self._client() as ask:
            while (begin := time.monotonic()) < end:
                done = ask(self._questions[next(self._turns) % len(self._questions)])
                if begin >= start:
                    (answered if done else refused).append(time.monotonic() - begin)

    def _cpu_secs(self) -> float:
        """Processor time of the server until now; 0 if it is not known."""
        if self._pid is None:
            return 0.0
        with open(f"/proc/{self._pid}/stat", encoding="ascii") as file:
            user, system = file.read().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def _grpc_client(address: str, signature: str) -> Iterator[Ask]:
    """Yields what asks one question by gRPC and tells whether it was answered."""
    # A pool of its own, because channels to one address share a connection otherwise.
    own = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(address, own) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)

        def ask(question: str) -> bool:
            request = predict_pb2.PredictRequest(
                model_spec={"name": "realm", "signature_name": signature},
                inputs={"question": tf.make_tensor_proto([question])},
            )
            try:
                stub.Predict(request, timeout=60)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                    raise
                return False
            return True

        yield ask


@contextlib.contextmanager
def _rest_client(address: str, signature: str) -> Iterator[Ask]:
    """Yields what asks one question by REST and tells whether it was answered."""
    host = urllib.parse.urlsplit(address).netloc
    with contextlib.closing(http.client.HTTPConnection(host, timeout=60)) as connection:

        def ask(question: str) -> bool:
            body = {"signature_name": signature, "inputs": {"question": [question]}}
            connection.request("POST", "/v1/models/realm:predict", json.dumps(body).encode())
            response = connection.getresponse()
            text = response.read()
            if response.status not in (200, 429):
                raise RuntimeError(text.decode())
            return response.status == 200

        yield ask


_CLIENTS = {"grpc": _grpc_client, "rest": _rest_client}


def line(figures: dict) -> str:
    """Figures as a line of a table."""
    return "  ".join(f"{name} {value:<8}" for name, value in figures.items())


if __name__ == "__main__":
    main()
