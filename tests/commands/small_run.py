# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`realm run` on a corpus of sixty documents: what it is given, and how it is called."""

import json
import pathlib

import click.testing

from realm_tf.cli import main
from realm_tf.retrieval import reading

CITIES = ("Warsaw", "Chicago", "Ohrid", "Zagreb", "Lagos", "Quito")
MONTHS = ("May", "June", "July", "August")
_DEV = 6

_ENCODER = {
    "hidden_size": 16,
    "num_layers": 1,
    "num_heads": 2,
    "intermediate_size": 32,
    "max_positions": 96,
    "dropout": 0.0,
    "attention_dropout": 0.0,
}
_CONFIG = {
    "vocab": {"size": 300},
    "blocks": {"length": 40, "num_shards": 2},
    "model": {
        "embedder": {"encoder": _ENCODER, "projection_size": 8, "dropout": 0.0},
        "reader": {"encoder": _ENCODER, "span_size": 8, "max_span_width": 4},
    },
    "ict": {"steps": 4, "batch_size": 4, "query_length": 16},
    "pretrain": {
        "steps": 6,
        "batch_size": 4,
        "query_length": 32,
        "num_candidates": 3,
        "checkpoint_every_steps": 3,
        "refresh": {"every_steps": 3},
        "warmup": {"max_steps": 4, "batch_size": 4, "copy_accuracy": 0.0, "check_every_steps": 2},
    },
    "open_qa": {
        "steps": 4,
        "batch_size": 2,
        "query_length": 24,
        "reader_length": 72,
        "num_searched": 10,
        "num_read": 2,
    },
    "retrieval": {"recall_floor": 0.1},  # so few blocks of random weights have no nearest leaves
    "evaluation": {"masked_examples": 16, "recall_at": [1, 5], "held_out_fraction": 0.3},
    "runtime": {"prefetch_batches": 2},
}


def document(number: int) -> dict:
    city, other = CITIES[number % 6], CITIES[(number * 5 + 1) % 6]
    month, year = MONTHS[number % 4], 1900 + number
    text = (
        f"Station {number} stands in {city}. It was opened in {month} {year} by the people of"
        f" {other}. The trains of station {number} go to {other} every day."
        f" In {year + 50} the city of {city} built the station anew."
    )
    return {"id": f"s{number}", "title": f"Station {number}", "text": text}


def _question(number: int) -> dict:
    return {
        "question": f"Where does station {number} stand?",
        "answers": [CITIES[number % 6]],
        "doc_ids": [f"s{number}"],
    }


def write(path: pathlib.Path, records: list[dict]) -> str:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return str(path)


def write_inputs(root: pathlib.Path, num_documents: int = 60) -> tuple[str, ...]:
    """Writes configuration, corpus and questions; returns the options of `realm run`."""
    numbers = range(0, 60, 3)
    documents = [document(n) for n in range(num_documents)]
    config = root / "config.yaml"
    config.write_text(json.dumps(_CONFIG))  # JSON is YAML
    return (
        *("--config", str(config)),
        *("--corpus", write(root / "corpus.jsonl", documents)),
        *(
            "--questions-train",
            write(root / "t.jsonl", [_question(n) for n in numbers[_DEV:]]),
        ),
        *(
            "--questions-dev",
            write(root / "d.jsonl", [_question(n) for n in numbers[:_DEV]]),
        ),
    )


def realm(*args: object) -> str:
    result = click.testing.CliRunner().invoke(main.main, [str(arg) for arg in args])
    if result.exception:
        raise result.exception
    return result.stdout


def run(inputs, workdir, *more: str) -> dict:
    return json.loads(realm("run", *inputs, "--workdir", workdir, "--json", *more))


def commits(workdir: pathlib.Path) -> dict[str, int]:
    """When every segment was committed."""
    return {str(path): path.stat().st_mtime_ns for path in workdir.rglob("segment.json")}


def news(name: int) -> dict:
    """A text of another corpus, about the same stations."""
    city, month = CITIES[name % 6], MONTHS[name % 4]
    text = f"News {name}. In {month} {1950 + name} the mayor of {city} came to Station {name}."
    return {"id": f"s{name}", "title": f"News {name}", "text": text}  # the ids say nothing


def watched(monkeypatch, module, name, workdir) -> list[int]:
    """How many snapshots are read at every call of a function."""
    function, seen = getattr(module, name), []

    def watched(*args, **kwargs):
        folders = {path.parent for path in workdir.rglob("snapshots/step-*.json")}
        seen.append(sum(len(reading.in_use(str(folder))) for folder in folders))
        return function(*args, **kwargs)

    monkeypatch.setattr(module, name, watched)
    return seen
