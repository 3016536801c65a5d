# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Blocks or passages as memory-mapped columns: random access by row, without parsing.

Opening a table makes no Python object per row, which bounds a host's memory at any corpus size.
Rows are numbered through the source segment's shards in order; they are internal to that segment,
block ids are the external key.

Files: one .npy a column, flat over all rows, and `<group>_offsets.npy` <int64>[num_blocks + 1] for
every group of ragged columns that share their lengths. Texts are UTF-8 bytes.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf.data.blocks import columns, npy_columns
from realm_tf.data.blocks import schema as block_schema

KIND = "block_table"

_CHUNK_ROWS = 1 << 16


def build(root: str, segment: artifacts.Segment) -> artifacts.Segment:
    """Writes the table of a "blocks" or "passages" segment; one that is there is not made again.

    Raises:
      UserError: If two blocks have the same id.
    """
    made_from = {
        "source": segment.fingerprint,
        "blocks": segment.made_from.get("blocks", segment.fingerprint),
        "tokenizer": segment.made_from["tokenizer"],
    }
    path = artifacts.recipe_path(root, KIND, settings={}, made_from=made_from)
    if artifacts.is_complete(path):
        return artifacts.open_segment(path, KIND)
    writer = artifacts.SegmentWriter(path, kind=KIND, settings={}, made_from=made_from)
    # Columns grow side by side, which object stores cannot do: they grow in a local directory.
    beside = None if artifacts.is_remote(path) else path
    with tempfile.TemporaryDirectory(prefix="columns-", dir=beside) as scratch:
        num_rows = columns.write(scratch, segment)
        _write_id_order(scratch)
        for name in sorted(os.listdir(scratch)):
            with writer.file(name) as aside:
                _move(os.path.join(scratch, name), aside)
    return writer.commit(blocks=num_rows)


class Chunk:
    """Consecutive rows of a table, for passes over whole columns.

    Args:
      table: Table of the rows.
      first_row: First row of the chunk.
      limit: One past the last row.
    """

    def __init__(self, table: BlockTable, first_row: int, limit: int):
        self._table, self.first_row, self._limit = table, first_row, limit

    def __len__(self) -> int:
        return self._limit - self.first_row

    def ragged(self, column: str) -> types.Ragged:
        """The rows of a ragged column, e.g. "token_ids" or "span_byte_start"."""
        values, offsets = self._table.ragged(column)
        offsets = offsets[self.first_row : self._limit + 1]
        return types.Ragged(values[offsets[0] : offsets[-1]], offsets - offsets[0])

    def scalar(self, column: str) -> np.ndarray:
        """<dtype>[rows of the chunk] of a scalar column; see `BlockTable.scalar`."""
        return self._table.scalar(column, np.arange(self.first_row, self._limit))


class BlockTable:
    """Random access to blocks by row; see the module.

    Attributes:
      segment: The table's own segment.
      source: Fingerprint of the segment that the table was built from.
      blocks: Fingerprint of the block segment: `source`, or what the passages were made from.
      tokenizer: Fingerprint of the tokenizer.
      block_ids: <uint64>[num_blocks].
      doc_keys: <uint64>[num_blocks] `blocks.doc_key` of every row's document.
      doc_byte_start: <int64>[num_blocks] first byte of the block in its document's text.
      doc_byte_limit: <int64>[num_blocks] one past its last byte.
      shard_offsets: <int64>[num_shards + 1] first row of every shard of the source.
      span_offsets: <int64>[num_blocks + 1] first span, counted over all rows, of every row.
    """

    def __init__(self, segment: artifacts.Segment):
        self.segment = segment
        self.source = segment.made_from["source"]
        self.blocks = segment.made_from["blocks"]
        self.tokenizer = segment.made_from["tokenizer"]
        names = [s.name.removesuffix(".npy") for s in segment.shards if s.name.endswith(".npy")]
        self._columns = {n: npy_columns.open_npy(segment.file(f"{n}.npy")) for n in names}
        self._labels: list[str] = artifacts.read_json(segment.file(columns.LABELS))
        self.block_ids = self._columns["block_id"]
        self.doc_keys = self._columns["doc_key"]
        self.doc_byte_start = self._columns["doc_byte_start"]
        self.doc_byte_limit = self._columns["doc_byte_limit"]
        self.shard_offsets = self._columns["shard_offsets"]
        self.span_offsets = self._columns["span_offsets"]

    @classmethod
    def open(cls, segment: artifacts.Segment | str) -> BlockTable:
        """Opens the table of a segment, or the one at a path, which is checked first."""
        if isinstance(segment, str):
            segment = artifacts.open_segment(segment, KIND)
        return cls(segment)

    def __len__(self) -> int:
        return len(self.block_ids)

    def ragged(self, column: str) -> tuple[np.ndarray, np.ndarray]:
        """A ragged column, flat over all rows.

        Args:
          column: E.g. "token_ids", "sentence_byte_start", "span_token_limit".

        Returns:
          values: <dtype>[total].
          offsets: <int64>[num_blocks + 1]; row i is `values[offsets[i] : offsets[i + 1]]`.
        """
        return self._columns[column], self._columns[f"{columns.GROUP_OF[column]}_offsets"]

    def take(self, column: str, rows: np.ndarray) -> types.Ragged:
        """Rows of a ragged column.

        Args:
          column: E.g. "token_ids" or "title_ids".
          rows: <int64>[n]; -1 gives an empty row.
        """
        return types.Ragged(*self.ragged(column)).take(rows)

    def scalar(self, column: str, rows: np.ndarray) -> np.ndarray:
        """Values of a scalar column.

        Args:
          column: "block_id", "doc_key", "doc_byte_start" or "doc_byte_limit".
          rows: <int64>[...]; what stands where a row is -1 is undefined.

        Returns:
          <dtype>[...] of the shape of `rows`.
        """
        values: np.ndarray = self._columns[column][rows]
        return values

    def chunks(self) -> Iterator[Chunk]:
        """The whole table in pieces of bounded size, in the order of the rows."""
        for first_row in range(0, len(self), _CHUNK_ROWS):
            yield Chunk(self, first_row, min(first_row + _CHUNK_ROWS, len(self)))

    def tokens_ragged(self) -> tuple[np.ndarray, np.ndarray]:
        """`ragged` of the bodies' wordpieces, <uint16 or uint32>."""
        return self.ragged("token_ids")

    def token_ids(self, row: int) -> np.ndarray:
        """<uint16 or uint32>[body_length] wordpieces of the body, without special tokens."""
        return self._slice("token_ids", row)

    def title_ids(self, row: int) -> np.ndarray:
        """<uint16 or uint32>[title_length] wordpieces of the title."""
        return self._slice("title_ids", row)

    def token_byte_start(self, row: int) -> np.ndarray:
        """<int32>[body_length] first byte of every wordpiece in the block's text."""
        return self._slice("token_byte_start", row)

    def token_byte_limit(self, row: int) -> np.ndarray:
        """<int32>[body_length] one past its last byte."""
        return self._slice("token_byte_limit", row)

    def sentence_byte_start(self, row: int) -> np.ndarray:
        """<int32>[num_sentences] first byte of every sentence in the block's text."""
        return self._slice("sentence_byte_start", row)

    def sentence_byte_limit(self, row: int) -> np.ndarray:
        """<int32>[num_sentences] one past its last byte."""
        return self._slice("sentence_byte_limit", row)

    def title(self, row: int) -> str:
        """Title of the row's document."""
        return self._text("title", row)

    def text(self, row: int) -> str:
        """The block's text."""
        return self._text("text", row)

    def doc_id(self, row: int) -> str:
        """Id of the row's document."""
        return self._text("doc_id", row)

    def metadata(self, row: int) -> str:
        """The document's metadata, as JSON text."""
        return self._text("metadata", row)

    @property
    def total_spans(self) -> int:
        """Number of salient spans in all rows; 0 if the source holds blocks."""
        return int(self.span_offsets[-1])

    def num_spans(self, row: int) -> int:
        """Number of salient spans in the row."""
        return int(self.span_offsets[row + 1] - self.span_offsets[row])

    def span_byte_start(self, row: int) -> np.ndarray:
        """<int32>[num_spans] first byte of every span in the block's text."""
        return self._slice("span_byte_start", row)

    def span_byte_limit(self, row: int) -> np.ndarray:
        """<int32>[num_spans] one past its last byte."""
        return self._slice("span_byte_limit", row)

    def span_token_start(self, row: int) -> np.ndarray:
        """<int32>[num_spans] first wordpiece of every span in `token_ids`."""
        return self._slice("span_token_start", row)

    def span_token_limit(self, row: int) -> np.ndarray:
        """<int32>[num_spans] one past its last wordpiece."""
        return self._slice("span_token_limit", row)

    def span_label(self, row: int) -> list[str]:
        """Label of every span."""
        return [self._labels[code] for code in self._slice("span_label", row)]

    def row_of_span(self, span: int) -> int:
        """The row that holds a span, counted over all rows."""
        return int(np.searchsorted(self.span_offsets, span, side="right")) - 1

    def row_of_block_id(self, block_id: int) -> int:
        """The row of a block.

        Raises:
          KeyError: If the table does not hold it.
        """
        ids = self._columns["sorted_block_id"]
        place = int(np.searchsorted(ids, np.uint64(block_id)))
        if place == len(ids) or int(ids[place]) != block_id:
            raise KeyError(f"No block has the id {block_id} in {self.segment.path}.")
        return int(self._columns["sorted_row"][place])

    def block(self, row: int) -> types.Block:
        """The whole row, as plain arrays."""
        values: dict[str, Any] = {name: self._text(name, row) for name in columns.TEXTS}
        for field in block_schema.BLOCK_FIELDS:
            if field.ragged:
                values[field.name] = self._slice(field.name, row).astype(np.int32)
        return types.Block(
            block_id=int(self.block_ids[row]),
            doc_byte_start=int(self.doc_byte_start[row]),
            **values,
        )

    def passage(self, row: int) -> types.Passage:
        """The whole row with its spans."""
        numbers = [self._slice(f.name, row).tolist() for f in block_schema.SPAN_FIELDS[:-1]]
        spans = zip(*numbers, self.span_label(row), strict=True)
        return types.Passage(self.block(row), tuple(types.Span(*span) for span in spans))

    def _slice(self, column: str, row: int) -> np.ndarray:
        values, offsets = self.ragged(column)
        return values[offsets[row] : offsets[row + 1]]

    def _text(self, column: str, row: int) -> str:
        return self._slice(column, row).tobytes().decode("utf-8")


def _write_id_order(folder: str) -> None:
    ids = np.load(os.path.join(folder, "block_id.npy"))
    order = np.argsort(ids, kind="stable")
    ids = ids[order]
    equal = np.flatnonzero(ids[1:] == ids[:-1])
    if equal.size:
        raise types.UserError(
            f"{equal.size} block ids are there twice, among them {ids[equal[0]]}. Does the corpus"
            " hold a document twice?"
        )
    np.save(os.path.join(folder, "sorted_block_id.npy"), ids)
    np.save(os.path.join(folder, "sorted_row.npy"), order)


def _move(source: str, target: str) -> None:
    if artifacts.is_remote(target):
        tf.io.gfile.copy(source, target, overwrite=True)
    else:
        os.replace(source, target)
