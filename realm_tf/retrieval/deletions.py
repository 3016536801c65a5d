# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is kept of deleted blocks, so that anyone can see that nothing else of them is left.

A segment "deletions" holds hashes of windows of their texts, wordpieces and vectors (see
`data.traces`), by document: enough to find them in a file, not enough to tell what they were. It
also names the segments of vectors that they were in, because an index may hold vectors in a form
that no one can recognise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from realm_tf import artifacts
from realm_tf.artifacts import gfile
from realm_tf.data.blocks import table as block_table
from realm_tf.data.traces import windows
from realm_tf.retrieval import vectors as vectors_lib
from realm_tf.retrieval import view as view_lib

KIND = "deletions"
TEXT, WORDPIECES, VECTOR = range(3)
NAMES = ("text", "wordpieces", "vectors")
DTYPE = np.dtype([("doc_key", "<u8"), ("kind", "u1"), ("hash", "<u8")])

_FILE = "traces.npy"
_TEXTS = ("title", "text", "metadata")


def write(root: str, view: view_lib.View, rows: np.ndarray) -> artifacts.Segment:
    """Writes what is kept of rows that are about to be deleted.

    Args:
      root: Directory of segments.
      view: What they are in.
      rows: <int64>[n] live rows of it.
    """
    parts = [np.zeros(0, DTYPE)]
    keys = view.table.scalar("doc_key", rows)
    for kind, data in _contents(view, rows):
        hashes = [windows.of(row) for row in data]
        part = np.zeros(sum(map(len, hashes)), DTYPE)
        part["doc_key"] = np.repeat(keys, [len(row) for row in hashes])
        part["kind"] = kind
        part["hash"] = np.concatenate([np.zeros(0, np.uint64), *hashes])
        parts.append(part)
    found = np.unique(np.concatenate(parts))
    blocks = np.sort(view.table.scalar("block_id", rows))
    settings = {
        "blocks": artifacts.digest(blocks.tolist()),
        "vectors": [part.fingerprint for part in view.snapshot.all_vectors],
    }
    made_from = {"blocks": view.table.blocks}
    path = artifacts.recipe_path(root, KIND, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        return artifacts.open_segment(path, KIND)
    writer = artifacts.SegmentWriter(path, kind=KIND, settings=settings, made_from=made_from)
    with writer.file(_FILE, num_records=len(found)) as aside:
        artifacts.write_array(aside, found)
    return writer.commit(documents=len(np.unique(keys)), blocks=len(rows), traces=len(found))


def read(segments: Iterable[artifacts.Segment], doc_keys: np.ndarray) -> np.ndarray:
    """The traces of documents with these keys <uint64>[n]: `DTYPE`[any]."""
    parts = [np.zeros(0, DTYPE)]
    for segment in segments:
        with gfile.GFile(segment.file(_FILE), "rb") as f:
            traces = np.lib.format.read_array(f, allow_pickle=False)
        parts.append(traces[np.isin(traces["doc_key"], doc_keys)])
    return np.unique(np.concatenate(parts))


def without_live(traces: np.ndarray, view: view_lib.View) -> np.ndarray:
    """The traces that are of deleted blocks alone: without those that documents still there have.

    Two documents may say the same, and what one says is no trace of the other.

    Args:
      traces: As `read` returns them.
      view: The newest snapshot.
    """
    finder = windows.Finder(traces["hash"])
    shared = [np.zeros(0, np.uint64)]
    for start in range(0, len(view.table), _PIECE_ROWS):
        rows = np.arange(start, min(start + _PIECE_ROWS, len(view.table)))
        for _, data in _contents(view, rows):
            # Rows stand behind one another in files, and windows across them are found there.
            shared.append(finder.find(np.concatenate([np.zeros(0, np.uint8), *data])))
    return traces[~np.isin(traces["hash"], np.concatenate(shared))]


_PIECE_ROWS = 8192


def _contents(view: view_lib.View, rows: np.ndarray) -> Iterator[tuple[int, Sequence[np.ndarray]]]:
    """Kind and, for every row, bytes <uint8>[any] as they stand in files."""
    table: block_table.BlockTable = view.table
    for column in _TEXTS:
        yield TEXT, list(table.take(column, rows).rows())
    tokens = list(table.take("token_ids", rows).rows())
    for dtype in ("<u2", "<u4"):
        if dtype == "<u4" or all(row.dtype.itemsize == 2 for row in tokens):
            yield WORDPIECES, [row.astype(dtype).view(np.uint8) for row in tokens]
    vectors = view.vectors.gather(rows)
    for dtype in ("float32", "float16", "int8"):
        stored, _ = vectors_lib.encode(vectors, dtype)
        yield VECTOR, list(stored.view(np.uint8))
