# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is lost by storing vectors as float16 or int8: the recall of exact search over them.

    python benchmarks/stored_vectors.py WORK_DIR --vectors VECTORS --queries QUERIES.npy

VECTORS is a segment of float32 vectors, whose exact search is the truth. Of the vectors of a run,
`realm index --questions FILE` writes queries-*.npy beside the index.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np

from realm_tf import artifacts, types
from realm_tf.retrieval import index, recall, vectors

DEPTHS = (1, 8, 100)
_SHARD_ROWS = 65_536


def stored(root: str, table: vectors.VectorTable, dtype: str) -> artifacts.Segment:
    """Writes the vectors once more in another number type; at once if they are there."""
    settings, made_from = {"dtype": dtype}, {"vectors": table.fingerprint}
    path = artifacts.recipe_path(root, vectors.KIND, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        return artifacts.open_segment(path, vectors.KIND)
    writer = artifacts.SegmentWriter(
        path, kind=vectors.KIND, settings=settings, made_from=made_from
    )
    pieces = [*table.chunks(_SHARD_ROWS)]
    for number, (start, limit) in enumerate(pieces):
        ids, values = table.block_ids[start:limit], table.read(start, limit)
        for name in vectors.write_shard(
            path, number, len(pieces), block_ids=ids, vectors=values, dtype=dtype
        ):
            writer.add(name, num_records=limit - start)
    return writer.commit(blocks=len(table))


def measure(root: str, table: vectors.VectorTable, queries: np.ndarray) -> dict[str, Any]:
    """Recall of the best blocks by float32 at every depth, and bytes per vector on disk, by type.

    Raises:
      UserError: If the vectors are not float32.
    """
    if table.dtype != "float32":
        raise types.UserError(
            f"{table.path} holds vectors as {table.dtype}: give float32 ones, which are the truth."
        )
    depths = [k for k in DEPTHS if k <= len(table)]
    truth = recall.GroundTruth.of(table, queries, max(depths))
    figures = {}
    for dtype in ("float16", "int8"):
        segment = stored(root, table, dtype)
        search = index.exact(vectors.VectorTable.open(segment)).search
        figures[dtype] = {
            "recall": {k: round(truth.recall(search(queries, k).rows), 5) for k in depths},
            "bytes": round(sum(shard.num_bytes for shard in segment.shards) / len(table), 1),
        }
    return {"vectors": len(table), "dim": table.dim, "queries": len(queries), "stored": figures}


def main() -> None:
    """Runs the benchmark, and prints its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work_dir", help="Directory of the vectors that are written.")
    parser.add_argument("--vectors", required=True, help='Segment "vectors", float32.')
    parser.add_argument("--queries", required=True, help="<float32>[num_queries, dim], .npy.")
    args = parser.parse_args()
    table = vectors.VectorTable.open(args.vectors)
    print(json.dumps(measure(args.work_dir, table, np.load(args.queries)), indent=1))


if __name__ == "__main__":
    main()
