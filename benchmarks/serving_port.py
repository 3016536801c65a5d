# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`realm serve` beside the PyTorch port of REALM in a plain Python server, in one run.

    python -m benchmarks.serving_port RUN_DIR QUESTIONS WORK_DIR [--port OTHER_PYTHON]
        [--concurrency 1,4,16,64] [--secs 10] [--rounds 2] [--bfloat16]

RUN_DIR is that of a finished run with the encoders of the paper ([CLS], a projection, LayerNorm;
the port has one epsilon, so `projection_epsilon` must be the encoder's).
Its best system is exported, and its weights, blocks and vectors are given to the port
(`port_server`), which another Python runs that has torch and transformers 4.40.2. Both servers are
processes with the same number of threads, and stand ready all the time; this process is their
client, one question a request. With `--bfloat16` there is a third one, of the same system whose
reader computes in bfloat16. First it asks both the same questions, and tells how many have the
same best span. Then they are loaded in turn, level by level, in every round. Printed are the
medians of the rounds, and where the processor time of an answer goes: in the graph of ours,
question by question and in batches of 8; and in the port, one request at a time.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import statistics
import urllib.parse
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from benchmarks import answer_stages, serve_process, serving_load
from realm_tf.commands import convert, qa_module, run_pipeline
from realm_tf.commands.documents import run_record
from realm_tf.text import vocabulary
from serving import signatures

OURS, BFLOAT16, PORT = "ours", "ours-bfloat16", "port"
_READERS = {OURS: "float32", BFLOAT16: "bfloat16"}
_BATCHES = ((1, 20), (8, 6))  # sizes of batches whose stages are timed, and how many of them
_PORT_SCRIPT = os.path.join(os.path.dirname(__file__), "port_server.py")
_COMPARED = 100  # questions whose answers are compared


class Server(NamedTuple):
    """A server that runs: the load on it by protocol, and its address of REST."""

    loads: dict[str, serving_load.Load]
    rest: str


def main() -> None:
    """Prepares, compares, measures, and prints the figures as lines and as JSON."""
    args = _arguments()
    questions = serve_process.questions(args.questions)
    prepared = {name: _export(args.run, args.work_dir, name) for name in _ours(args)}
    give_port(args.run, prepared[OURS], os.path.join(args.work_dir, PORT))
    figures: dict[str, Any] = {
        f"{name}, CPU ms of a question in batches of {size}": answer_stages.measure(
            parts, questions, size, rounds
        )
        for size, rounds in _BATCHES
        for name, parts in prepared.items()
    }
    with contextlib.ExitStack() as stack:
        servers = {
            name: _started(stack, command, questions) for name, command in _commands(args).items()
        }
        if PORT in servers:
            figures["same best span"] = compare(
                prepared[OURS], servers[PORT], questions[:_COMPARED]
            )
            figures[f"{PORT}, CPU ms of a question"] = _stages(servers[PORT], questions[:_COMPARED])
        levels = [int(level) for level in args.concurrency.split(",")]
        figures["load"] = list(_measured(servers, levels, args.secs, args.rounds))
    print(json.dumps(figures))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", help="directory of a finished run")
    parser.add_argument("questions", help="file of questions")
    parser.add_argument("work_dir", help="directory for what is served")
    parser.add_argument("--port", help="Python that has torch and transformers 4.40.2")
    parser.add_argument("--concurrency", default="1,4,16,64")
    parser.add_argument("--secs", type=float, default=10.0, help="of a level, in a round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--bfloat16", action="store_true", help="measure such a reader as well")
    parser.add_argument("--threads", type=int, default=2, help="of the port's arithmetic")
    return parser.parse_args()


def _export(run: str, work_dir: str, name: str) -> dict[str, Any]:
    """Exports the best system of a run under a name; returns the parts of its graph."""
    changes = {"evaluation.reader_dtype": _READERS[name]}
    with run_pipeline.Pipeline.open(run, changes=changes) as pipeline:
        pipeline.export(os.path.join(work_dir, name))
        return qa_module.parts(*run_record.to_export(run, pipeline.training))


def give_port(run: str, parts: dict[str, Any], path: str) -> None:
    """Writes what the port serves: weights, blocks and vectors of the best system of a run."""
    if not os.path.exists(path):
        with run_pipeline.Pipeline.open(run) as pipeline:
            _, _, weights = run_record.to_export(run, pipeline.training)
        convert.export("hf-realm", weights.path, path)
    table, tokenizer, reads = parts["table"], parts["tokenizer"], parts["config"].open_qa
    rows = np.arange(len(table))
    np.save(os.path.join(path, "block_emb.npy"), parts["vectors"].gather(rows))
    with open(os.path.join(path, "blocks.jsonl"), "w", encoding="utf-8") as file:
        for block_id, row in zip(table.block_ids, rows, strict=True):
            file.write(json.dumps({"id": str(block_id), "text": table.text(row)}) + "\n")
    with open(os.path.join(path, vocabulary.FILE), "w", encoding="utf-8") as file:
        file.writelines(f"{word}\n" for word in tokenizer.vocab)
    num_read = min(reads.num_read, len(table))
    settings = {
        "num_block_records": len(table),
        "searcher_beam_size": num_read,
        "reader_beam_size": num_read,
        "reader_seq_len": reads.reader_length,
        "lower_case": tokenizer.lower_case,
    }
    with open(os.path.join(path, "port.json"), "w", encoding="utf-8") as file:
        json.dump(settings, file)


def _ours(args: argparse.Namespace) -> list[str]:
    return [OURS, BFLOAT16] if args.bfloat16 else [OURS]


def _commands(args: argparse.Namespace) -> dict[str, list[str]]:
    commands = {
        name: serve_process.realm_serve(os.path.join(args.work_dir, name)) for name in _ours(args)
    }
    if args.port:
        path = os.path.join(args.work_dir, PORT)
        commands[PORT] = [args.port, _PORT_SCRIPT, path, str(args.threads)]
    return commands


def _started(
    stack: contextlib.ExitStack, command: Sequence[str], questions: Sequence[str]
) -> Server:
    process, addresses = stack.enter_context(serve_process.running(command))
    loads = {
        protocol: serving_load.Load(protocol, addresses[protocol], questions, pid=process.pid)
        for protocol in sorted(addresses, reverse=True)
    }
    return Server(loads, addresses["rest"])


def compare(
    parts: dict[str, Any], port: Server, questions: Sequence[str], batch_size: int = 20
) -> dict[str, float]:
    """How many questions have the same best span in both, and the largest difference of its logit.

    Of ours it is the best candidate in the graph, of which answers are made: answers are ranked by
    probability, and none overlaps a better one.
    """
    module, tokenizer = signatures.QaModule(**parts), parts["tokenizer"]
    num_read = min(parts["config"].open_qa.num_read, len(parts["table"]))
    same, differences = [], []
    asked = _asked(port.rest, questions)
    for start in range(0, len(questions), batch_size):
        batch = tf.constant(questions[start : start + batch_size])
        rows, scores = module.search(batch, tf.fill(tf.shape(batch), num_read))
        best = module.candidates(batch, rows, scores)
        rows = tf.gather(rows, best.slot[:, 0], batch_dims=1).numpy()
        texts = [text.decode() for text in best.text[:, 0].numpy()]
        words = [letters(tokenizer, of.ids) for of in tokenizer.encode(texts)]
        ids = [str(parts["table"].block_ids[row]) for row in rows]
        for *found, score in zip(ids, words, best.score[:, 0].numpy(), strict=True):
            other = next(asked)
            answered = letters(tokenizer, other["token_ids"][0][0])
            same.append(found == [other["block_id"][0][0], answered])
            differences.append(abs(float(score) - other["score"][0][0]))
    return {
        "questions": len(same),
        "share": round(sum(same) / len(same), 4),
        "largest difference of the logit": float(f"{max(differences):.2g}"),
    }


def letters(tokenizer: Any, ids: Sequence[int]) -> str:
    """What wordpieces spell, for a span that begins in a word is other wordpieces by itself."""
    return "".join(tokenizer.vocab[number].removeprefix("##") for number in ids)


def _asked(address: str, questions: Sequence[str]) -> Iterator[dict[str, Any]]:
    host = urllib.parse.urlsplit(address).netloc
    with contextlib.closing(http.client.HTTPConnection(host, timeout=60)) as connection:
        for question in questions:
            body = {"inputs": {"question": [question]}}
            connection.request("POST", "/v1/models/realm:predict", json.dumps(body).encode())
            yield json.load(connection.getresponse())["outputs"]


def _stages(port: Server, questions: Sequence[str]) -> dict[str, float]:
    """What the port tells of its stages, of some questions one by one."""
    host = urllib.parse.urlsplit(port.rest).netloc
    found: list[dict[str, float]] = []
    for _ in range(2):  # what came before does not count
        for _ in _asked(port.rest, questions):
            pass
        with contextlib.closing(http.client.HTTPConnection(host, timeout=60)) as connection:
            connection.request("GET", "/stages")
            found.append(json.load(connection.getresponse()))
    return found[-1]


def _measured(
    servers: dict[str, Server], levels: Sequence[int], secs: float, rounds: int
) -> Iterator[dict[str, Any]]:
    """The medians of the rounds, by level, server and protocol."""
    for level in levels:
        loads = [(name, *load) for name, server in servers.items() for load in server.loads.items()]
        seen: dict[tuple[str, str], list[dict[str, float]]] = {}
        for _ in range(rounds):
            for name, protocol, load in loads:
                seen.setdefault((name, protocol), []).append(load.measure(level, secs))
        for (name, protocol), of_rounds in seen.items():
            medians = {
                figure: round(statistics.median(one[figure] for one in of_rounds), 1)
                for figure in of_rounds[0]
            }
            found = {"server": name, "protocol": protocol, "concurrency": level, **medians}
            print(serving_load.line(found), flush=True)
            yield found


if __name__ == "__main__":
    main()
