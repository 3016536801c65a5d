# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A training step of the PyTorch port of REALM, beside `train_step`, which starts this.

It runs in another Python, which has torch and transformers 4.40.2 (the last release that holds
REALM), and imports nothing of this project. It reads arrays from a file, and then a name of an
experiment per line; it makes one step on each batch, and answers with a line of JSON.

    OTHER_PYTHON benchmarks/port_step.py BATCHES.npz SIZES.json
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator

import numpy as np
import torch
import transformers

Tensors = dict[str, torch.Tensor]


class Port:
    """The models of the port, and one optimiser for each experiment."""

    def __init__(self, sizes: dict[str, int]):
        config = transformers.RealmConfig(
            **sizes, pad_token_id=0, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
        )
        self._embedder = transformers.RealmEmbedder(config)
        self._scorer = transformers.RealmScorer(config)
        self._encoder = transformers.RealmKnowledgeAugEncoder(config)
        self._reader = transformers.RealmReader(config)
        self._query = transformers.RealmEmbedder(config)
        self._losses = {"ict": self._ict, "pretrain": self._pretrain, "open_qa": self._open_qa}
        models = {
            "ict": [self._embedder],
            "pretrain": [self._scorer, self._encoder],
            "open_qa": [self._reader, self._query],
        }
        self._weights = {
            name: list({id(p): p for model in of for p in model.parameters()}.values())
            for name, of in models.items()
        }
        self._adamw = {
            name: torch.optim.AdamW(weights, lr=1e-5, weight_decay=0.01)
            for name, weights in self._weights.items()
        }

    def step(self, name: str, batch: Tensors) -> float:
        """One optimiser step; returns the loss."""
        self._adamw[name].zero_grad()
        loss = self._losses[name](batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._weights[name], 1.0)
        self._adamw[name].step()
        return float(loss)

    def _ict(self, batch: Tensors) -> torch.Tensor:
        queries, blocks = (
            self._embedder(**_inputs(batch, part)).projected_score for part in ("query", "block")
        )
        return torch.nn.functional.cross_entropy(queries @ blocks.T, torch.arange(len(queries)))

    def _pretrain(self, batch: Tensors) -> torch.Tensor:
        query, blocks = _inputs(batch, "query"), _inputs(batch, "blocks")
        scored = self._scorer(**query, **{f"candidate_{k}": v for k, v in blocks.items()})
        joint = _inputs(batch, "joint")
        labels = torch.full_like(joint["input_ids"][:, 0], -100)
        used = batch["mask_weights"] > 0
        rows = torch.nonzero(used)[:, 0]
        labels[rows, batch["mask_positions"][used]] = batch["mask_targets"][used]
        read = self._encoder(
            **joint,
            relevance_score=scored.relevance_score,
            labels=labels,
            mlm_mask=(labels >= 0).long(),
        )
        return read.loss

    def _open_qa(self, batch: Tensors) -> torch.Tensor:
        """The port takes one question at a time."""
        queries = self._query(**_inputs(batch, "question")).projected_score
        return torch.stack([self._one(batch, i, query) for i, query in enumerate(queries)]).mean()

    def _one(self, batch: Tensors, index: int, query: torch.Tensor) -> torch.Tensor:
        vectors = batch["block_emb"][index]
        body = batch["body_mask"][index].bool()
        unread = body.new_zeros(len(vectors) - len(body), body.shape[-1])
        places = torch.where(batch["answer_mask"][index] > 0, batch["answer_starts"][index], -1)
        nowhere = places.new_full((len(unread), places.shape[-1]), -1)
        places = torch.cat([places, nowhere])
        return self._reader(
            **{name: tensor[index] for name, tensor in _inputs(batch, "joint").items()},
            relevance_score=vectors @ query,
            block_mask=torch.cat([body, unread]),
            start_positions=places,
            end_positions=places,
            has_answers=batch["retrieved_has_answer"][index].bool(),
        ).loss


def _inputs(batch: Tensors, part: str) -> Tensors:
    names = {"word_ids": "input_ids", "mask": "attention_mask", "type_ids": "token_type_ids"}
    return {theirs: batch[f"{part}/{ours}"] for ours, theirs in names.items()}


def read(path: str) -> dict[str, list[Tensors]]:
    """The batches of every experiment: arrays are named `experiment/number/name`."""
    batches: dict[str, dict[str, Tensors]] = {}
    with np.load(path) as arrays:
        for key, array in arrays.items():
            experiment, number, name = key.split("/", 2)
            kind = np.float32 if array.dtype == np.float32 else np.int64
            of_batch = batches.setdefault(experiment, {}).setdefault(number, {})
            of_batch[name] = torch.from_numpy(array.astype(kind))
    return {name: list(of.values()) for name, of in batches.items()}


def answer(lines: Iterator[str], port: Port, batches: dict[str, list[Tensors]]) -> None:
    """Makes the steps of every line, and prints their seconds and losses."""
    for line in lines:
        name = line.strip()
        started = time.perf_counter(), time.process_time()
        losses = [port.step(name, batch) for batch in batches[name]]
        ended = time.perf_counter(), time.process_time()
        seconds = [end - start for start, end in zip(started, ended, strict=True)]
        print(json.dumps({"seconds": seconds, "losses": losses}), flush=True)


def main(batches: str, sizes: str) -> None:
    """Reads the arguments of `train_step`."""
    with open(sizes, encoding="utf-8") as f:
        settings = json.load(f)
    torch.set_num_threads(settings.pop("threads"))
    torch.manual_seed(0)
    answer(iter(sys.stdin), Port(settings), read(batches))


if __name__ == "__main__":
    main(*sys.argv[1:])
