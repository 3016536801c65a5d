# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The block table: bytes on disk, time and memory of opening it, and rows packed per second.

    python benchmarks/block_table.py BLOCKS [--spans SPANS] [--rows 1000000]

With `--rows` the rows of the segment are repeated, in a temporary segment, until there are so many:
opening must not take longer for more rows. The first batch of training is one of 512 examples of
the inverse cloze task, made of the table from scratch. Batches of 512 queries with 8 blocks each,
drawn at random, are looked up and packed as pre-training does it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.blocks import schema, shards
from realm_tf.data.blocks import table as block_table
from realm_tf.data.examples import ict_batches
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib

_QUERIES, _CANDIDATES, _BATCHES = 512, 8, 5
_LENGTH, _QUERY_LENGTH = 288, 96


def repeat(blocks: artifacts.Segment, rows: int, root: str) -> artifacts.Segment:
    """Writes a segment of so many rows, those of `blocks` again and again, in its shards."""
    files = blocks.files(f"{schema.BLOCKS}-")
    path = f"{root}/{schema.BLOCKS}-repeated"
    writer = artifacts.SegmentWriter(
        path,
        kind=schema.BLOCKS,
        settings=blocks.settings,
        made_from=blocks.made_from,
    )
    for number, file in enumerate(files):
        wanted = rows // len(files) + (number < rows % len(files))
        with writer.file(shards.name(number, len(files)), num_records=wanted) as aside:
            shards.write(aside, _first(shards.read(file), wanted), shards.columns(file))
    return writer.commit(blocks=rows)


def _first(batches: list[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    for batch in itertools.cycle(batches):
        if rows <= 0:
            return
        yield batch.slice(0, rows)
        rows -= batch.num_rows


def measure(blocks: artifacts.Segment, spans: artifacts.Segment | None) -> dict[str, Any]:
    """The figures of a table."""
    parts = [part for part in (blocks, spans) if part is not None]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    table = block_table.BlockTable.open(blocks, () if spans is None else spans)
    opened = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    first_batch(blocks)
    batched = time.perf_counter() - started
    size = sum(shard.num_bytes for part in parts for shard in part.shards)
    return {
        "rows": len(table),
        "bytes per row": round(size / len(table), 1),
        "open, ms": round(1000 * opened, 1),
        "open, more resident MB": round((after - before) / 1024, 1),
        "to the first batch, s": round(batched, 2),
        "packed rows/s": round(pack(table)),
    }


def first_batch(blocks: artifacts.Segment) -> ict_batches.IctBatch:
    """Opens a table, and makes the first batch of training of it."""
    table = block_table.BlockTable.open(blocks)
    config = config_lib.IctConfig(batch_size=_QUERIES)
    batches = ict_batches.IctBatches(table, _tokenizer(), config, block_length=_LENGTH, seed=0)
    return batches.make_batch(0)


def _tokenizer() -> tokenizer_lib.Tokenizer:
    return tokenizer_lib.Tokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"])


def pack(table: block_table.BlockTable) -> float:
    """Rows per second that are looked up and packed, as blocks and with a query."""
    tokenizer = _tokenizer()
    rng = np.random.default_rng(0)
    queries = types.Ragged.of([np.arange(60, dtype=np.int32)] * _QUERIES).repeat(_CANDIDATES)
    started = time.perf_counter()
    for _ in range(_BATCHES):
        rows = rng.integers(0, len(table), _QUERIES * _CANDIDATES)
        titles, bodies = (table.take(name, rows) for name in ("title_ids", "token_ids"))
        packing.pack_blocks(titles, bodies, _LENGTH, tokenizer)
        packing.pack_joint(queries, bodies, _LENGTH + _QUERY_LENGTH, tokenizer)
    return _BATCHES * _QUERIES * _CANDIDATES / (time.perf_counter() - started)


def main() -> None:
    """Prints the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("blocks", help="path of the segment of blocks")
    parser.add_argument("--spans", help="path of the segment of spans that marks them")
    parser.add_argument("--rows", type=int, help="repeat the rows until there are so many")
    args = parser.parse_args()
    blocks = artifacts.open_segment(args.blocks, schema.BLOCKS)
    spans = None if args.spans is None else artifacts.open_segment(args.spans, schema.SPANS)
    if args.rows is None:
        print(json.dumps(measure(blocks, spans)))
        return
    with tempfile.TemporaryDirectory(prefix="block-table-") as root:
        print(json.dumps(measure(repeat(blocks, args.rows, root), None)))


if __name__ == "__main__":
    main()
