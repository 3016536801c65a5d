# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A chunk of a block table: the columns of one record batch of blocks and of its spans."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from realm_tf import types
from realm_tf.data.blocks import shards

_BYTE_LIMIT = "doc_byte_limit"  # not a column: where the block ends in its document's text


class Chunk:
    """The rows of one record batch of blocks, and of the batch of spans that marks it.

    Args:
      first_row: The row of the table that the chunk begins with.
      blocks: Record batch of blocks.
      spans: Record batch of as many rows of spans, or None.
      kept: <int32>[n] ascending, which rows of the batches the chunk has; None: all of them.
    """

    def __init__(
        self,
        first_row: int,
        blocks: pa.RecordBatch,
        spans: pa.RecordBatch | None,
        kept: np.ndarray | None = None,
    ):
        self.first_row = first_row
        self._blocks = blocks
        self._kept = kept
        self._num_rows = blocks.num_rows if kept is None else len(kept)
        batches = [blocks] if spans is None else [blocks, spans]
        self._columns = {f.name: b.column(f.name) for b in batches for f in b.schema}
        self._ragged: dict[str, types.Ragged] = {}
        self._scalars: dict[str, np.ndarray] = {}

    def __len__(self) -> int:
        return self._num_rows

    def ragged(self, column: str) -> types.Ragged:
        """The rows of a column of lists or of texts (as UTF-8 bytes).

        They are copied if the chunk has not all rows of its batches.
        """
        stored = self._stored(column)
        return stored if self._kept is None else stored.take(self._kept)

    def row(self, column: str, row: int) -> np.ndarray:
        """<dtype>[any] one row of such a column, without a copy."""
        return self._stored(column).row(row if self._kept is None else int(self._kept[row]))

    def take(self, column: str, rows: np.ndarray) -> types.Ragged:
        """Rows <int64>[n] of such a column; -1 gives an empty row."""
        return self._stored(column).take(np.where(rows < 0, -1, self._places(rows)))

    @property
    def schema(self) -> pa.Schema:
        """The columns of blocks."""
        return self._blocks.schema

    def records(self, rows: np.ndarray) -> pa.RecordBatch:
        """Rows <int64>[n] of the chunk with all columns of blocks."""
        return self._blocks.take(pa.array(self._places(rows)))

    def _places(self, rows: np.ndarray) -> np.ndarray:
        """Where rows of the chunk are in its batches."""
        return rows if self._kept is None else self._kept[rows]

    def _stored(self, column: str) -> types.Ragged:
        if column not in self._ragged:
            self._ragged[column] = self._view(column)
        return self._ragged[column]

    def scalar(self, column: str) -> np.ndarray:
        """<dtype>[rows of the chunk] values of a scalar column; see `BlockTable.scalar`."""
        if column == _BYTE_LIMIT:
            return self.scalars(column, np.arange(len(self)))
        if column not in self._scalars:
            stored = self._columns[column].to_numpy()
            self._scalars[column] = stored if self._kept is None else stored[self._kept]
        return self._scalars[column]

    def column(self, column: str) -> pa.Array:
        """All rows of a column of blocks, as Arrow has it: mapped, and copied if some are left out.

        Raises:
          KeyError: If there is no such column.
        """
        stored = self._columns[column]
        return stored if self._kept is None else stored.take(pa.array(self._kept))

    def scalars(self, column: str, rows: np.ndarray) -> np.ndarray:
        """Values of a scalar column in some rows <int64>[n] of the chunk."""
        if column != _BYTE_LIMIT:
            return self.scalar(column)[rows]
        offsets, places = self._stored("text").offsets, self._places(rows)
        return self.scalar("doc_byte_start")[rows] + (offsets[places + 1] - offsets[places])

    def labels(self, row: int) -> list[str]:
        """Label of every span of a row of the chunk."""
        if "span_label" not in self._columns:
            return []
        return [self._label_names[code] for code in self.row("span_label", row)]

    @functools.cached_property
    def _label_names(self) -> list[str]:
        return self._columns["span_label"].values.dictionary.to_pylist()

    def _view(self, column: str) -> types.Ragged:
        num_rows = self._blocks.num_rows
        if column.startswith("span_") and column not in self._columns:
            return types.Ragged(np.zeros(0, np.uint16), np.zeros(num_rows + 1, np.int32))
        array = self._columns[column]
        if pa.types.is_string(array.type):
            _, offsets, data = array.buffers()
            values = np.frombuffer(data or b"", np.uint8)
            return types.Ragged(values, np.frombuffer(offsets, np.int32, num_rows + 1))
        values = array.values
        if pa.types.is_dictionary(values.type):
            values = values.indices
        return types.Ragged(values.to_numpy(), array.offsets.to_numpy())


def open_chunks(
    blocks: Sequence[str], spans: Sequence[str], without: np.ndarray | None = None
) -> Iterator[Chunk]:
    """Yields the chunks of a block table: every record batch of its shards, mapped, with its spans.

    Args:
      blocks: Paths of shards of blocks, in the order of their rows.
      spans: Paths of the shards of spans, as many, or none.
      without: <int64>[n] ascending, rows of the shards that are left out; the others are counted
        without them.

    Raises:
      UserError: If a shard is missing or damaged, or blocks and spans have different rows.
    """
    gone = np.zeros(0, np.int64) if without is None else without
    stored = num_rows = 0
    for batch, marks in _paired(blocks, spans):
        first, limit = np.searchsorted(gone, (stored, stored + batch.num_rows))
        kept = None
        if first < limit:
            kept = np.delete(np.arange(batch.num_rows, dtype=np.int32), gone[first:limit] - stored)
        chunk = Chunk(num_rows, batch, marks, kept)
        if len(chunk):
            yield chunk
        stored += batch.num_rows
        num_rows += len(chunk)


def _paired(
    blocks: Sequence[str], spans: Sequence[str]
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch | None]]:
    """The record batches of shards of blocks, each with the batch of spans that marks it."""
    mapped = [batch for path in blocks for batch in shards.read(path)]
    if not spans:
        yield from ((batch, None) for batch in mapped)
        return
    marks = [batch for path in spans for batch in shards.read(path)]
    if [b.num_rows for b in mapped] != [b.num_rows for b in marks]:
        raise types.UserError(
            f"The rows of {spans[0]} and its segment are not those of {blocks[0]} and its segment."
            " Make the spans again."
        )
    yield from zip(mapped, marks, strict=True)
