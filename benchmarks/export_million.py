# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Export and load of a large corpus: time, memory and size on disk, and how long it answers.

    python -m benchmarks.export_million WORK_DIR [--rows 1000000]

The corpus is made up: 1,000 blocks of 100 random words, again and again, with random vectors of 128
dimensions, and encoders of one small layer, so that what is measured is the corpus and not the
model. Export and load are processes of their own. Seconds are of CPU, over all threads, so that a
busy machine tells the same; memory is what they hold at most, or after loading, above what they
held before.
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
from realm_tf import artifacts, config, types
from realm_tf.data.blocks import keys, shards
from realm_tf.data.blocks import table as block_table
from realm_tf.models import open_qa_model
from realm_tf.retrieval import vectors
from realm_tf.text import tokenizer as tokenizer_lib
from realm_tf.text import vocabulary
from serving import export as export_lib

_DIM, _BLOCKS, _WORDS = 128, 1000, 100
_EMBEDDER = artifacts.digest("embedder")
_BATCHES, _CALLS = (1, 64), 5


def make(root: str, rows: int) -> None:
    """Writes blocks and vectors."""
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
        f"{root}/vectors", kind=vectors.KIND, settings={"dim": _DIM}, made_from=made_from
    )
    numbers = np.random.default_rng(1).standard_normal((rows, _DIM), np.float32)
    ids = np.arange(rows, dtype=np.uint64)
    for name in vectors.write_shard(writer.path, 0, 1, block_ids=ids, vectors=numbers):
        writer.add(name)
    writer.commit(blocks=rows)


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


def export(root: str) -> dict[str, Any]:
    """Exports, and tells CPU seconds, GB of memory and GB on disk."""
    tokenizer = _tokenizer()
    encoder = config.EncoderConfig(
        hidden_size=32, num_layers=1, num_heads=2, intermediate_size=64, max_positions=512
    )
    settings = config.Config(
        model=config.ModelConfig(
            embedder=config.EmbedderConfig(encoder=encoder, projection_size=_DIM),
            reader=config.ReaderConfig(encoder=encoder, span_size=16),
        )
    )
    model = open_qa_model.OpenQaModel(settings.model, tokenizer.vocab_size).build_weights()
    blocks = artifacts.open_segment(f"{root}/blocks-repeated", verify=False)
    table = block_table.BlockTable.open(blocks)
    before, started = _peak(), time.process_time()
    version = export_lib.export(
        model=model,
        tokenizer=tokenizer,
        table=table,
        vectors=vectors.VectorTable.open(f"{root}/vectors"),
        config=settings,
        path=f"{root}/export",
        snapshot_step=0,
        made_from={"tokenizer": tokenizer.fingerprint, "embedder": _EMBEDDER},
    )
    seconds = time.process_time() - started
    sizes = [os.path.getsize(f"{d}/{n}") for d, _, names in os.walk(version) for n in names]
    return {
        "export, CPU s": round(seconds, 1),
        "export, more GB": round(_peak() - before, 2),
        "on disk, GB": round(sum(sizes) / 1e9, 2),
    }


def load(root: str) -> dict[str, Any]:
    """Loads, and tells CPU seconds and GB of memory; then those of a call, the least of 5."""
    before, started = _resident(), time.process_time()
    module = tf.saved_model.load(f"{root}/export/1")
    figures = {
        "load, CPU s": round(time.process_time() - started, 1),
        "load, more GB": round(_resident() - before, 2),
    }
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
    values = {"question": "abc def abd?", "k": 10, "with_metadata": False}
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
    parser.add_argument("--stage", choices=("make", "export", "load"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.stage:
        stages = {"make": lambda root: make(root, args.rows), "export": export, "load": load}
        print(json.dumps(stages[args.stage](args.work_dir)))
        return
    figures: dict[str, Any] = {"rows": args.rows}
    for stage in ("make", "export", "load"):
        command = [sys.executable, "-m", "benchmarks.export_million", args.work_dir]
        command += ["--rows", str(args.rows), "--stage", stage]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        figures |= json.loads(done.stdout.splitlines()[-1]) or {}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
