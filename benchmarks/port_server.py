# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The PyTorch port of REALM behind a plain Python server, beside `serving_port`, which starts this.

It runs in another Python, which has torch and transformers 4.40.2 (the last release that holds
REALM), and imports nothing of this project. It answers `:predict` for one question a request, as
the port takes them, and tells the processor time of its stages at `/stages`.

    OTHER_PYTHON benchmarks/port_server.py MODEL_DIR THREADS

MODEL_DIR holds what `realm convert --to hf-realm` writes, vocab.txt, blocks.jsonl (an id and a text
a line), block_emb.npy, and port.json: more of its configuration, and `lower_case`.
"""

from __future__ import annotations

import collections
import http.server
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import transformers


class Port:
    """RealmForOpenQA as it is, with a clock around its parts."""

    def __init__(self, path: str):
        with open(os.path.join(path, "port.json"), encoding="utf-8") as file:
            settings = json.load(file)
        with open(os.path.join(path, "blocks.jsonl"), encoding="utf-8") as file:
            blocks = [json.loads(line) for line in file]
        self._ids = [block["id"] for block in blocks]
        self._tokenizer = transformers.RealmTokenizerFast(
            os.path.join(path, "vocab.txt"), do_lower_case=settings.pop("lower_case")
        )
        texts = np.array([block["text"].encode() for block in blocks], object)
        retriever = transformers.RealmRetriever(texts, self._tokenizer)
        config = transformers.RealmConfig.from_pretrained(path, **settings)
        self._model = transformers.RealmForOpenQA.from_pretrained(
            path, retriever=retriever, config=config
        ).eval()
        vectors = np.load(os.path.join(path, "block_emb.npy"))
        self._model.block_emb = torch.from_numpy(vectors)
        self._one_at_a_time = threading.Lock()
        self.seconds: dict[str, float] = collections.defaultdict(float)
        reader = self._model.reader
        read_texts, head = retriever.__call__, reader.qa_outputs.forward

        def retrieve(rows: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            self._rows = rows
            return read_texts(rows, *args, **kwargs)

        def score(*args: Any) -> Any:
            self._logits, *more = head(*args)
            return self._logits, *more

        self._model.retriever = self._timed("tokenize", retrieve)
        self._model.embedder.forward = self._timed("embed", self._model.embedder.forward)
        reader.realm.forward = self._timed("read", reader.realm.forward)
        reader.forward = self._timed("reader", reader.forward)
        reader.qa_outputs.forward = score

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            started = time.process_time()
            result = function(*args, **kwargs)
            self.seconds[name] += time.process_time() - started
            return result

        return call

    @torch.inference_mode()
    def answer(self, question: str) -> dict[str, list]:
        """The outputs for one question, as TF Serving would tell them."""
        # Two questions at a time would share the cores, and were not faster.
        with self._one_at_a_time:
            found = self._timed("all", self._answer)(question)
            self.seconds["questions"] += 1
            row = int(self._rows[int(found.reader_output.block_idx)])
            # The logits of the head, to which the reader added those of the retriever in place.
            score = float(self._logits.max())
        ids = found.predicted_answer_ids
        return {
            "answer": [[self._tokenizer.decode(ids)]],
            "token_ids": [[ids.tolist()]],
            "block_id": [[self._ids[row]]],
            "score": [[score]],
        }

    def _answer(self, question: str) -> Any:
        inputs = self._timed("tokenize", self._tokenizer)([question], return_tensors="pt")
        return self._model(**inputs)

    def stages(self) -> dict[str, float]:
        """CPU milliseconds of a question by stage, since the last call."""
        secs, count = self.seconds, max(self.seconds["questions"], 1)
        parts = {name: secs[name] for name in ("tokenize", "embed", "read")}
        parts["span"] = secs["reader"] - secs["read"]
        parts["search"] = secs["all"] - sum(parts.values())
        self.seconds = collections.defaultdict(float)
        return {name: round(1e3 * value / count, 3) for name, value in parts.items()}


class Handler(http.server.BaseHTTPRequestHandler):
    """Takes questions; connections stay open."""

    port: Port
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Answers a question."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        (question,) = body["inputs"]["question"]
        self._send({"outputs": self.port.answer(question)})

    def do_GET(self) -> None:
        """Tells the stages."""
        self._send(self.port.stages())

    def _send(self, body: dict) -> None:
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


class _Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128


def main(path: str, threads: str) -> None:
    """Serves until it is ended, and prints its address first."""
    torch.set_num_threads(int(threads))
    Handler.port = Port(path)
    server = _Server(("127.0.0.1", 0), Handler)
    print(json.dumps({"rest": f"http://127.0.0.1:{server.server_port}"}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
