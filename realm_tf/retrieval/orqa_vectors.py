# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Imports the block vectors of the original ORQA code, matched to blocks by row number.

REALM and ORQA bind vectors to blocks by row number alone: row i of `block_emb` is record i of
`blocks.tfr`. A block segment that was made from those records keeps that number as `orqa_row` in
every block's metadata.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np

from realm_tf import artifacts, types
from realm_tf.data.blocks import schema
from realm_tf.data.blocks import table as block_table
from realm_tf.data.reference import ready_blocks
from realm_tf.retrieval import vectors

_ROW = ready_blocks.ROW_KEY


def write(
    path: str, block_emb: np.ndarray, blocks: str, made_from: Mapping[str, str]
) -> artifacts.Segment:
    """Writes imported block vectors as a "vectors" segment for a "blocks" segment, shard by shard.

    Args:
      path: Directory of the segment.
      block_emb: Vectors <float32>[num_records, embed_dim]; a record without text has no block.
      blocks: Path of the "blocks" segment.
      made_from: Fingerprints by role of what made the vectors; that of the blocks is added.

    Raises:
      UserError: If the counts differ, or a block has no row number, a wrong one or another's.
    """
    segment = artifacts.open_segment(blocks, schema.BLOCKS)
    count = int(segment.counts.get("documents", segment.counts["blocks"]))
    if count != len(block_emb):
        raise types.UserError(
            f"block_emb has {len(block_emb)} vectors, but {blocks} was made from {count} records:"
            " they do not belong together."
        )
    writer = artifacts.SegmentWriter(
        path,
        kind=vectors.KIND,
        settings={"dtype": "float32", "imported": "block_emb"},
        made_from={"blocks": segment.fingerprint, **made_from},
    )
    files = segment.files(f"{schema.BLOCKS}-")
    seen = np.zeros(count, bool)
    for i, file in enumerate(files):
        ids, rows = _rows(file, count)
        if seen[rows].any() or len(np.unique(rows)) != len(rows):
            raise types.UserError(f"{blocks} has two blocks with the same {_ROW}. Make it again.")
        seen[rows] = True
        vectors.write_shard(
            path, i, len(files), block_ids=ids, vectors=np.asarray(block_emb[rows], np.float32)
        )
        for name in (vectors.ids_name(i, len(files)), vectors.vectors_name(i, len(files))):
            writer.add(name, num_records=len(ids))
    return writer.commit(blocks=segment.counts["blocks"])


def _rows(path: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids and row numbers of a shard's blocks, in its order."""
    table = block_table.BlockTable.of_shard(path)
    ids, rows = table.block_ids, []
    for number, block_id in enumerate(ids.tolist()):
        row = json.loads(table.metadata(number) or "{}").get(_ROW)
        if not isinstance(row, int) or not 0 <= row < count:
            raise types.UserError(
                f"{path}: block {block_id} has {_ROW} {row!r}, but a number from 0 to"
                f" {count - 1} is needed. Vectors by row need blocks made from ORQA's blocks.tfr."
            )
        rows.append(row)
    return ids, np.array(rows, np.int64)
