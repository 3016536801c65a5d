# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Load on `realm serve`: answers per second and latency at rising concurrency.

    python benchmarks/serving_load.py MODEL QUESTIONS --secs 10 --concurrency 1,4,16,64

The server is a process of its own, started and stopped here; this process is the client, with one
thread and one connection for each request that is under way. QUESTIONS is a file with a question in
each line, or of JSON Lines (also .gz) with "question". Each level begins with two seconds that are
not counted. Printed is a table, and a line of JSON. `--server "--max-batch-size 1"` gives the
server other options, and `--url` takes a server that runs, which may be TF Serving.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import http.client
import itertools
import json
import shlex
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

_PERCENTILES = (50, 95, 99)
_UNCOUNTED_SECS = 2.0
Ask = Callable[[str], bool]


def main() -> None:
    """Measures one protocol after the other, level by level."""
    options = _options()
    questions = _questions(options.questions)
    levels = [int(level) for level in options.concurrency.split(",")]
    figures = []
    with _server(options) as addresses:
        for protocol in options.protocols.split(","):
            for level in levels:
                found = _measure(protocol, addresses[protocol], questions, level, options)
                figures.append({"protocol": protocol, "concurrency": level, **found})
                print(_line(figures[-1]), flush=True)
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


def _questions(path: str) -> list[str]:
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as file:
        lines = [line.strip() for line in file if line.strip()]
    return [json.loads(line)["question"] if line[0] == "{" else line for line in lines]


@contextlib.contextmanager
def _server(options: argparse.Namespace) -> Iterator[dict[str, str]]:
    """Yields the addresses of a server, by protocol."""
    if options.url:
        yield dict(zip(("grpc", "rest"), options.url, strict=True))
        return
    ports = ("--grpc-port", "0", "--rest-port", "0", "--json")
    command = (sys.executable, "-m", "realm_tf", "serve", options.model, *ports)
    process = subprocess.Popen([*command, *shlex.split(options.server)], stdout=subprocess.PIPE)
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(60)


def _measure(
    protocol: str, address: str, questions: list[str], level: int, options: argparse.Namespace
) -> dict[str, float]:
    """Asks without a pause from `level` threads, and tells what was seen."""
    turns = itertools.count()
    start = time.monotonic() + _UNCOUNTED_SECS
    end = start + options.secs
    secs: list[float] = []
    refused: list[float] = []

    def work() -> None:
        with _CLIENTS[protocol](address, options.signature) as ask:
            while (begin := time.monotonic()) < end:
                done = ask(questions[next(turns) % len(questions)])
                if begin >= start:
                    (secs if done else refused).append(time.monotonic() - begin)

    threads = [threading.Thread(target=work) for _ in range(level)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.monotonic() - start
    latency = np.percentile(np.array(secs or [0.0]) * 1e3, _PERCENTILES)
    names = [f"p{p}_ms" for p in _PERCENTILES]
    return {
        "answers_per_sec": round(len(secs) / elapsed, 1),
        **{name: round(float(ms), 1) for name, ms in zip(names, latency, strict=True)},
        "refused": len(refused),
    }


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


def _line(figures: dict) -> str:
    return "  ".join(f"{name} {value:<8}" for name, value in figures.items())


if __name__ == "__main__":
    main()
