# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Fine-tuning by the PyTorch port of REALM, beside `open_qa_speed`, which starts this.

It runs in another Python, which has torch and transformers 4.40.2 (the last release that holds
REALM), and imports nothing of this project. It is used as its authors show it: `RealmForOpenQA`
takes one question at a time, searches all vectors, and its retriever tokenizes the blocks that were
found and looks for the answers in them. A line of questions is a batch: their gradients are summed,
and one step of AdamW is made.

    OTHER_PYTHON benchmarks/port_open_qa.py DIRECTORY THREADS
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import transformers


class Port:
    """The port's model with random weights, its retriever, and an optimiser."""

    def __init__(self, directory: str):
        with open(os.path.join(directory, "port.json"), encoding="utf-8") as f:
            made = json.load(f)
        self._seconds: dict[str, float] = {}
        self._tokenizer = transformers.RealmTokenizerFast(made["vocab"])
        config = transformers.RealmConfig(
            **made["sizes"],
            retriever_proj_size=128,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
        records = np.array([text.encode("utf-8") for text in made["texts"]], dtype=object)
        retriever = transformers.RealmRetriever(records, self._tokenizer)
        self._model = transformers.RealmForOpenQA(
            config, self._timed("answers, reader's inputs", retriever)
        )
        self._model.block_emb.copy_(torch.from_numpy(np.load(os.path.join(directory, "port.npy"))))
        self._model.train()
        self._adamw = torch.optim.AdamW(self._model.parameters(), lr=1e-5, weight_decay=0.01)

    def step(self, asked: Sequence[tuple[str, Sequence[str]]]) -> dict[str, float]:
        """One optimiser step on questions and their answers; processor seconds by part."""
        self._seconds.clear()
        start = time.perf_counter(), time.process_time()
        self._adamw.zero_grad()
        for question, answers in asked:
            (self._loss(question, answers) / len(asked)).backward()
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        self._adamw.step()
        taken = time.process_time() - start[1]
        rest = taken - sum(self._seconds.values())
        wall = time.perf_counter() - start[0]
        return {**self._seconds, "search and network": rest, "wall": wall}

    def _loss(self, question: str, answers: Sequence[str]) -> torch.Tensor:
        inputs = self._tokenizer([question], return_tensors="pt", truncation=True, max_length=32)
        answer_ids = self._tokenizer(list(answers), add_special_tokens=False).input_ids
        return self._model(**inputs, answer_ids=answer_ids).reader_output.loss

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            start = time.process_time()
            result = function(*args, **kwargs)
            self._seconds[name] = self._seconds.get(name, 0) + time.process_time() - start
            return result

        return call


def main(directory: str, threads: str) -> None:
    """Makes a step on every line of questions, and prints its seconds."""
    torch.set_num_threads(int(threads))
    torch.manual_seed(0)
    port = Port(directory)
    for line in sys.stdin:
        print(json.dumps(port.step(json.loads(line))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
