# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Export and load of a large corpus: time, memory and size on disk, and how long it answers.

    python -m benchmarks.export_million WORK_DIR [--rows 1000000] [--index exact|ivf|scann]

The corpus is made up: 1,000 blocks of 100 random words, again and again, with the clustered vectors
of `index_search`, and encoders of one small layer, so that what is measured is the corpus and not
the model. It stays in WORK_DIR for the next index. Index, export and load are processes of their
own. Seconds are of CPU, over all threads, so that a busy machine tells the same, and beside them of
the clock; memory is what they hold at most, or after loading, above what they held before.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks import block_table as repeated
from benchmarks import index_search
from realm_tf import artifacts, config, types
from realm_tf.data.blocks import keys, shards
from realm_tf.data.blocks import table as block_table
from realm_tf.models import open_qa_model
from realm_tf.retrieval import index as index_lib
from realm_tf.retrieval import vectors
from realm_tf.text import tokenizer as tokenizer_lib
from realm_tf.text import vocabulary
from serving import approximate_search, saved_models
from serving import export as export_lib

_BLOCKS, _WORDS = 1000, 100
_EMBEDDER = artifacts.digest("embedder")
_BATCHES, _CALLS, _QUERIES = (1, 64), 5, 1000


class Clock:
    """Seconds of CPU and of the clock since it was made."""

    def __init__(self) -> None:
        self._cpu, self._clock = time.process_time(), time.monotonic()

    def figures(self, name: str) -> dict[str, float]:
        """Both, under their names."""
        cpu, clock = time.process_time() - self._cpu, time.monotonic() - self._clock
        return {f"{name}, CPU s": round(cpu, 1), f"{name}, s": round(clock, 1)}


def make(root: str, rows: int) -> None:
    """Writes blocks and vectors, unless they are there."""
    if artifacts.is_complete(f"{root}/vectors"):
        return
    tokenizer = _tokenizer()
    blocks, _ = shards.write_segments(
        root,
        [types.Passage(block, ()) for block in _blocks(tokenizer)],
        num_shards=8,
        settings={"vocab_size": tokenizer.vocab_size},
        made_from={"tokenizer": tokenizer.fingerprint},
    )
    many = repeated.repeat(blocks, rows, root)
    made_from = {"blocks": many.fingerprint, "embedder": _EMBEDDER}
    writer = artifacts.SegmentWriter(
        f"{root}/vectors",
        kind=vectors.KIND,
        settings={"dim": index_search.DIM},
        made_from=made_from,
    )
    numbers = clustered(rows, of=rows, seed=1)
    ids = np.arange(rows, dtype=np.uint64)
    for name in vectors.write_shard(writer.path, 0, 1, block_ids=ids, vectors=numbers):
        writer.add(name)
    writer.commit(blocks=rows)


def clustered(count: int, *, of: int, seed: int) -> np.ndarray:
    """Vectors <float32>[count, 128] of a corpus with `of` blocks, 500 of them around a centre."""
    return index_search.clustered(count, seed=seed, num_centres=max(20, of // 500))


def _tokenizer() -> tokenizer_lib.Tokenizer:
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [a + b + c for a in letters for b in letters for c in letters[:7]]
    return tokenizer_lib.Tokenizer([*vocabulary.SPECIAL_TOKENS, ".", *words])


def _blocks(tokenizer: tokenizer_lib.Tokenizer) -> Iterator[types.Block]:
    rng = np.random.default_rng(0)
    words = np.array(tokenizer.vocab[len(vocabulary.SPECIAL_TOKENS) + 1 :])
    for number in range(_BLOCKS):
        chosen = rng.choice(words, (_WORDS, 2))
        text = " ".join(a + " " + b for a, b in chosen) + "."
        title, doc_id = str(words[number]), f"document-{number}"
        of_title, of_text = tokenizer.encode([title, text])
        yield types.Block(
            block_id=keys.block_id(doc_id, title, text, 0),
            doc_id=doc_id,
            title=title,
            text=text,
            metadata="{}",
            doc_byte_start=0,
            title_ids=of_title.ids,
            token_ids=of_text.ids,
            token_byte_start=of_text.byte_start,
            token_byte_limit=of_text.byte_limit,
            sentence_byte_start=np.array([0], np.int32),
            sentence_byte_limit=np.array([len(text)], np.int32),
        )


def index(root: str, kind: str) -> dict[str, Any]:
    """Builds the index of an export, as `realm export` does; then it is there."""
    table = vectors.VectorTable.open(f"{root}/vectors")
    before, clock = _peak(), Clock()
    segment = index_lib.build(
        root,
        table.segment,
        config.RetrievalConfig(index=kind),
        k=1000,
        gates=(5, 10, 100),
        queries=clustered(_QUERIES, of=len(table), seed=2),
    )
    if segment.settings["backend"] != kind:
        raise types.UserError(f"No index of {kind} over so few blocks is good enough.")
    figures = {**clock.figures("index"), "index, more GB": round(_peak() - before, 2)}
    return {**figures, "recall": segment.settings["recall"]}


def export(root: str, kind: str) -> dict[str, Any]:
    """Exports, and tells seconds, GB of memory and GB on disk."""
    tokenizer = _tokenizer()
    encoder = config.EncoderConfig(
        hidden_size=32, num_layers=1, num_heads=2, intermediate_size=64, max_positions=512
    )
    settings = config.Config(
        model=config.ModelConfig(
            embedder=config.EmbedderConfig(encoder=encoder, projection_size=index_search.DIM),
            reader=config.ReaderConfig(encoder=encoder, span_size=16),
        )
    )
    model = open_qa_model.OpenQaModel(settings.model, tokenizer.vocab_size).build_weights()
    blocks = artifacts.open_segment(f"{root}/blocks-repeated", verify=False)
    table = block_table.BlockTable.open(blocks)
    before, clock = _peak(), Clock()
    stored = vectors.VectorTable.open(f"{root}/vectors")
    search = None if kind == "exact" else _search(root, kind, stored)
    version = export_lib.export(
        model=model,
        tokenizer=tokenizer,
        table=table,
        vectors=stored,
        config=settings,
        search=search,
        path=f"{root}/export-{kind}",
        snapshot_step=0,
        made_from={"tokenizer": tokenizer.fingerprint, "embedder": _EMBEDDER},
    )
    seconds = clock.figures("export")
    sizes = [os.path.getsize(f"{d}/{n}") for d, _, names in os.walk(version) for n in names]
    return {
        **seconds,
        "export, more GB": round(_peak() - before, 2),
        "on disk, GB": round(sum(sizes) / 1e9, 2),
    }


def _search(
    root: str, kind: str, stored: vectors.VectorTable
) -> approximate_search.ApproximateSearch:
    paths = artifacts.paths_in(root, prefix=f"{index_lib.KIND}-")
    segments = (artifacts.open_segment(path, index_lib.KIND, verify=False) for path in paths)
    (segment,) = (segment for segment in segments if segment.settings["backend"] == kind)
    return approximate_search.ApproximateSearch(segment, stored)


def load(root: str, kind: str) -> dict[str, Any]:
    """Loads, and tells seconds and GB of memory; then CPU time of a call, the least of 5."""
    before, clock = _resident(), Clock()
    module = saved_models.load(f"{root}/export-{kind}/1")
    figures = {**clock.figures("load"), "load, more GB": round(_resident() - before, 2)}
    for name in ("retrieve", "serving_default"):
        function = module.signatures[name]
        for size in _BATCHES:
            inputs = _inputs(function, size)
            function(**inputs)  # the first call is slow
            seconds = []
            for _ in range(_CALLS):
                started = time.process_time()
                function(**inputs)
                seconds.append(time.process_time() - started)
            figures[f"{name} of {size}, CPU ms"] = round(1000 * min(seconds), 1)
    return {**figures, "after the calls, more GB": round(_peak() - before, 2)}


def _inputs(function: Any, size: int) -> dict[str, tf.Tensor]:
    values = {"question": "abc def abd?", "k": 10, "with_metadata": False, "filter": ""}
    wanted = function.structured_input_signature[1]
    return {name: tf.fill([size], values[name]) for name in wanted}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def _resident() -> float:
    with open("/proc/self/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * resource.getpagesize() / 1e9


def main() -> None:
    """Prints the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work_dir", help="directory for the corpus and the export")
    parser.add_argument("--rows", type=int, default=1_000_000, help="number of blocks")
    parser.add_argument("--index", choices=("exact", "ivf", "scann"), default="exact")
    parser.add_argument("--stage", choices=tuple(_STAGES), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.stage:
        print(json.dumps(_STAGES[args.stage](args)))
        return
    figures: dict[str, Any] = {"rows": args.rows, "index": args.index}
    for stage in _STAGES:
        if (stage, args.index) == ("index", "exact"):
            continue
        command = [sys.executable, "-m", "benchmarks.export_million", args.work_dir]
        command += ["--rows", str(args.rows), "--index", args.index, "--stage", stage]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        figures |= json.loads(done.stdout.splitlines()[-1]) or {}
    print(json.dumps(figures))


_STAGES = {
    "make": lambda args: make(args.work_dir, args.rows),
    "index": lambda args: index(args.work_dir, args.index),
    "export": lambda args: export(args.work_dir, args.index),
    "load": lambda args: load(args.work_dir, args.index),
}


if __name__ == "__main__":
    main()
