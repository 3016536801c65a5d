# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which columns a block table has, and writing them from block or passage records."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from realm_tf import artifacts, types
from realm_tf.data.blocks import npy_columns
from realm_tf.data.blocks import schema as block_schema

SCALARS = {
    "block_id": np.uint64,
    "doc_key": np.uint64,
    "doc_byte_start": np.int64,
    "doc_byte_limit": np.int64,
}
TEXTS = ("doc_id", "title", "text", "metadata")
# Group of ragged columns that share their offsets -> its columns.
GROUPS = {
    **{name: (name,) for name in TEXTS},
    "title_ids": ("title_ids",),
    "token": ("token_ids", "token_byte_start", "token_byte_limit"),
    "sentence": ("sentence_byte_start", "sentence_byte_limit"),
    "span": tuple(f.name for f in block_schema.SPAN_FIELDS),
}
GROUP_OF = {column: group for group, columns in GROUPS.items() for column in columns}
# The distinct span labels, as JSON; the column `span_label` holds places in this list.
LABELS = "span_labels.json"


def write(folder: str, segment: artifacts.Segment) -> int:
    """Writes the columns of a "blocks" or "passages" segment; returns the number of rows.

    Args:
      folder: Local directory, where `<column>.npy`, `<group>_offsets.npy`, `shard_offsets.npy`
        and `LABELS` appear.
      segment: Settings hold "vocab_size".
    """
    with contextlib.ExitStack() as stack:
        columns = _Columns(folder, segment.settings["vocab_size"], stack)
        for path in segment.files(f"{segment.kind}-"):
            for record in block_schema.read(path):
                columns.append(record)
            columns.end_shard()
    with open(os.path.join(folder, LABELS), "w", encoding="utf-8") as f:
        json.dump(list(columns.labels), f)
    return columns.num_rows


class _Columns:
    """All columns of a table, growing row by row."""

    def __init__(self, folder: str, vocab_size: int, stack: contextlib.ExitStack):
        def column(name: str, dtype: Any) -> npy_columns.NpyWriter:
            path = os.path.join(folder, f"{name}.npy")
            return stack.enter_context(npy_columns.NpyWriter(path, dtype))

        self.labels: dict[str, int] = {}
        self.num_rows = 0
        names = [*SCALARS, *GROUP_OF]
        self._columns = {name: column(name, _dtype(name, vocab_size)) for name in names}
        self._offsets = {group: column(f"{group}_offsets", np.int64) for group in GROUPS}
        self._shard_offsets = column("shard_offsets", np.int64)
        self._totals = dict.fromkeys(GROUPS, 0)
        for writer in (self._shard_offsets, *self._offsets.values()):
            writer.append([0])

    def append(self, record: types.Block | types.Passage) -> None:
        values = _values(record, self.labels)
        for name, writer in self._columns.items():
            writer.append(values[name])
        for group, members in GROUPS.items():
            self._totals[group] += len(values[members[0]])
            self._offsets[group].append([self._totals[group]])
        self.num_rows += 1

    def end_shard(self) -> None:
        self._shard_offsets.append([self.num_rows])


def _dtype(column: str, vocab_size: int) -> Any:
    if column in SCALARS:
        return SCALARS[column]
    if column in TEXTS:
        return np.uint8
    if column in ("title_ids", "token_ids"):
        return np.uint16 if vocab_size <= 1 << 16 else np.uint32
    return np.int32


def _values(
    record: types.Block | types.Passage, labels: dict[str, int]
) -> Mapping[str, Sequence[Any] | np.ndarray]:
    """One row's values of every column; new labels are added to `labels`."""
    block = record.block if isinstance(record, types.Passage) else record
    spans = record.spans if isinstance(record, types.Passage) else ()
    texts = {name: getattr(block, name).encode("utf-8") for name in TEXTS}
    return {
        "block_id": np.array([block.block_id], np.uint64),
        "doc_key": np.array([block_schema.doc_key(block.doc_id)], np.uint64),
        "doc_byte_start": [block.doc_byte_start],
        "doc_byte_limit": [block.doc_byte_start + len(texts["text"])],
        **{name: np.frombuffer(text, np.uint8) for name, text in texts.items()},
        **{f.name: getattr(block, f.name) for f in block_schema.BLOCK_FIELDS if f.ragged},
        "span_byte_start": [s.byte_start for s in spans],
        "span_byte_limit": [s.byte_limit for s in spans],
        "span_token_start": [s.token_start for s in spans],
        "span_token_limit": [s.token_limit for s in spans],
        "span_label": [labels.setdefault(s.label, len(labels)) for s in spans],
    }
