# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Memory of a trainer's table and index, and what swaps of snapshots leave behind.

    python -m benchmarks.swap_memory BLOCKS [--rows 1000000] [--swaps 10]

The rows of the segment are repeated, with `--rows`, until there are so many; the vectors are drawn
at random. As in joint training, a snapshot is opened beside the one that is searched, taken up, and
the older one let go. Resident memory is read after every swap.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile

import numpy as np

from benchmarks import block_table as repeated
from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.blocks import schema
from realm_tf.data.blocks import table as block_table
from realm_tf.retrieval import index as index_lib
from realm_tf.retrieval import retriever as retriever_lib
from realm_tf.retrieval import vectors as vectors_lib
from realm_tf.training.run import retrievers

_DIM, _BATCH, _DEPTH = 128, 16, 16
_ROWS_A_SHARD = 250_000


def resident() -> int:
    """Resident memory of this process, in bytes."""
    with open("/proc/self/statm", encoding="utf-8") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def write_vectors(blocks: artifacts.Segment, root: str, number: int) -> artifacts.Segment:
    """Writes vectors of the blocks that are drawn at random."""
    rows = int(blocks.counts["blocks"])
    writer = artifacts.SegmentWriter(
        os.path.join(root, f"vectors-{number}"),
        kind=vectors_lib.KIND,
        settings={"number": number},
        made_from={"blocks": blocks.fingerprint},
    )
    generator = np.random.default_rng(number)
    num_shards = -(-rows // _ROWS_A_SHARD)
    for shard in range(num_shards):
        ids = np.arange(shard * _ROWS_A_SHARD, min(rows, (shard + 1) * _ROWS_A_SHARD), dtype="<u8")
        values = generator.standard_normal([len(ids), _DIM], np.float32)
        os.makedirs(writer.path, exist_ok=True)
        for name in vectors_lib.write_shard(
            writer.path, shard, num_shards, block_ids=ids, vectors=values
        ):
            writer.add(name, num_records=len(ids))
    return writer.commit(blocks=rows)


def measure(blocks: artifacts.Segment, root: str, swaps: int) -> dict[str, float]:
    """Resident memory of opening, and after each swap."""
    config = config_lib.RetrievalConfig()
    made = [write_vectors(blocks, root, number) for number in range(2)]
    indexes = [index_lib.build(root, vectors, config) for vectors in made]

    def open_step(step: int) -> retriever_lib.Retriever:
        table = vectors_lib.VectorTable.open(made[step % 2])
        index = index_lib.Index.open(indexes[step % 2], table)
        return retriever_lib.Retriever(embed_fn=_embed, index=index, step=step)

    start = resident()
    table = block_table.BlockTable.open(blocks)
    opened = resident()
    known = retrievers.Retrievers(open_step)
    _search(known.get(0), table)
    after = [resident()]
    for step in range(1, swaps + 1):
        _search(known.get(step), table)  # beside the one before
        known.keep({step})
        after.append(resident())
    return {
        "rows": len(table),
        "table, bytes a block": round((opened - start) / len(table), 1),
        "index, bytes a block": round((after[0] - opened) / len(table), 1),
        "MB after each swap": [round(bytes_ / 1e6) for bytes_ in after],
    }


def _embed(queries: types.EncoderInputs) -> np.ndarray:
    generator = np.random.default_rng(len(queries.word_ids))
    return generator.standard_normal([len(queries.word_ids), _DIM], np.float32)


def _search(retriever: retriever_lib.Retriever, table: block_table.BlockTable) -> None:
    ids = np.zeros([_BATCH, 8], np.int32)
    found = retriever(types.EncoderInputs(ids, ids, ids), _DEPTH)
    table.take("token_ids", found.rows.reshape(-1))


def main() -> None:
    """Prints the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("blocks", help="path of the segment of blocks")
    parser.add_argument("--rows", type=int, help="repeat the rows until there are so many")
    parser.add_argument("--swaps", type=int, default=10)
    args = parser.parse_args()
    blocks = artifacts.open_segment(args.blocks, schema.BLOCKS)
    with tempfile.TemporaryDirectory(prefix="swap-memory-") as root:
        if args.rows is not None:
            blocks = repeated.repeat(blocks, args.rows, root)
        print(json.dumps(measure(blocks, root, args.swaps)))


if __name__ == "__main__":
    main()
