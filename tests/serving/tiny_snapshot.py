# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A published snapshot of a few blocks in several files, with deltas and tombstones."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from realm_tf import artifacts, config
from realm_tf.data.blocks import table as block_table
from realm_tf.retrieval import index, snapshots, tombstones, vectors
from tests.retrieval import segments
from tests.serving import tiny_system

FIELDS = {"year": "number", "lang": "string"}


def make(
    root: str,
    texts: Sequence[tuple[str, str]],
    numbers: np.ndarray,
    *,
    num_files: int = 4,
    sizes_added: Sequence[int] = (),
    gone: Sequence[int] = (),
) -> snapshots.Snapshot:
    """Publishes a snapshot below `root`, of documents with a `year` from 2000 on and a `lang`.

    Args:
      root: Directory of segments and snapshots.
      texts: Titles and texts of all blocks.
      numbers: Vectors <float32>[num_documents, embed_dim] of the documents by their number.
      num_files: Number of files of the base.
      sizes_added: Sizes of the deltas, which have the last documents.
      gone: Stored rows that were deleted.
    """
    tokenizer = tiny_system.make_tokenizer()
    made_from = {"tokenizer": tokenizer.fingerprint}
    embedder = segments.write_empty(root, "embedder", made_from=made_from)
    limits = np.cumsum([0, len(texts) - sum(sizes_added), *sizes_added]).tolist()
    layers = []
    for first, limit in itertools.pairwise(limits):
        blocks = tiny_system.block_segment(
            root,
            texts[first:limit],
            tokenizer,
            FIELDS,
            [{"year": 2000 + n % 30, "lang": ("en", "de")[n % 2]} for n in range(first, limit)],
            first=first,
            num_files=1 if first else num_files,
        )
        layers.append((blocks, _vectors(root, blocks, embedder, numbers)))
    (blocks, of_blocks), *deltas = layers
    found = snapshots.Snapshot.of(
        step=500,
        embedder=embedder,
        vectors=of_blocks,
        index=index.build(root, of_blocks, config.RetrievalConfig()),
        blocks=blocks,
    )
    marks = tombstones.Tombstones(np.array(gone, np.int64)).write(root, blocks=blocks.fingerprint)
    layered: dict[str, Any] = {
        "deltas": tuple(snapshots.Delta(*map(snapshots.Part.of, delta)) for delta in deltas),
        "tombstones": snapshots.Part.of(marks) if len(gone) else None,
    }
    if deltas or len(gone):
        found = found.changed(revision=1, settings={}, **layered)
    directory = os.path.join(root, "snapshots")
    snapshots.publish(directory, found)
    return snapshots.load(directory, found.step, found.revision)


def _vectors(
    root: str, blocks: artifacts.Segment, embedder: artifacts.Segment, numbers: np.ndarray
) -> artifacts.Segment:
    """The vectors of a segment of blocks, file by file."""
    made_from = {"blocks": blocks.fingerprint, "embedder": embedder.fingerprint}
    settings = {"dim": numbers.shape[1]}
    path = artifacts.recipe_path(root, vectors.KIND, settings=settings, made_from=made_from)
    writer = artifacts.SegmentWriter(
        path, kind=vectors.KIND, settings=settings, made_from=made_from
    )
    files = blocks.files("blocks-")
    for number, file in enumerate(files):
        table = block_table.BlockTable.of_shard(file)
        of_file = [int(table.doc_id(row).removeprefix("doc-")) for row in range(len(table))]
        names = vectors.write_shard(
            path,
            number,
            len(files),
            block_ids=table.block_ids,
            vectors=numbers[np.array(of_file, np.int64)],
        )
        for name in names:
            writer.add(name, num_records=len(table))
    return writer.commit(blocks=sum(s.num_records for s in blocks.shards))
