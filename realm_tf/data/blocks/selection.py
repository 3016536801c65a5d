# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes chosen rows of a block table as a segment of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from realm_tf import artifacts
from realm_tf.data.blocks import schema, shards
from realm_tf.data.blocks import table as block_table

_PIECE_ROWS = 8192


def by_shard(table: block_table.BlockTable, rows: np.ndarray, num_shards: int) -> list[np.ndarray]:
    """Divides rows into shards as the blocks job does.

    Args:
      table: Any table.
      rows: <int64>[n] rows of it.
      num_shards: Number of shards.

    Returns:
      For every shard the rows <int64>[any] of its documents, by id and then by place.
    """
    shard_of = table.scalar("doc_key", rows) % np.uint64(num_shards)
    return [_in_order(table, rows[shard_of == number]) for number in range(num_shards)]


def _in_order(table: block_table.BlockTable, rows: np.ndarray) -> np.ndarray:
    starts = table.scalar("doc_byte_start", rows).tolist()
    ids = [row.tobytes() for row in table.take("doc_id", rows).rows()]
    order = sorted(range(len(rows)), key=lambda i: (ids[i], starts[i]))
    return rows[np.array(order, np.int64)]


def write(
    root: str,
    table: block_table.BlockTable,
    rows: Sequence[np.ndarray],
    *,
    settings: Mapping[str, Any],
    made_from: Mapping[str, str],
) -> artifacts.Segment:
    """Writes rows of a table as a segment "blocks"; at once if it is there already.

    The mark of a duplicate whose first block is not among the rows of the table is left out.

    Args:
      root: Directory of segments.
      table: Any table.
      rows: For every shard, the rows <int64>[any] that it gets.
      settings: Settings of the segment.
      made_from: Fingerprints of what it is made from; at least "tokenizer".
    """
    path = artifacts.recipe_path(root, schema.BLOCKS, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        return artifacts.open_segment(path, schema.BLOCKS, verify=False)
    writer = artifacts.SegmentWriter(
        path, kind=schema.BLOCKS, settings=settings, made_from=made_from
    )
    columns = _columns(table)
    known = np.sort(table.block_ids)
    for number, of_shard in enumerate(rows):
        name = shards.name(number, len(rows))
        with writer.file(name, num_records=len(of_shard)) as aside:
            shards.write(aside, _records(table, of_shard, columns, known), columns)
    chosen = np.concatenate([np.zeros(0, np.int64), *rows])
    documents = len(np.unique(table.scalar("doc_key", chosen)))
    return writer.commit(blocks=len(chosen), documents=documents)


def _columns(table: block_table.BlockTable) -> pa.Schema:
    """Columns that hold those of every chunk."""
    found = [chunk.schema for chunk in table.chunks()]
    token = max((c.field("token_ids").type.value_type for c in found), key=lambda t: t.bit_width)
    byte = max((schema.byte_type_of(c) for c in found), key=lambda t: t.bit_width)
    return schema.of_blocks(token, byte, table.metadata_fields)


def _records(
    table: block_table.BlockTable, rows: np.ndarray, columns: pa.Schema, known: np.ndarray
) -> Iterator[pa.RecordBatch]:
    """Rows of a table as record batches, in the order that is asked for."""
    for start in range(0, len(rows), _PIECE_ROWS):
        batch = _batch(table, rows[start : start + _PIECE_ROWS], columns)
        marks = batch.column(schema.DUPLICATE_OF).to_numpy()
        place = batch.schema.get_field_index(schema.DUPLICATE_OF)
        kept = pa.array(np.where(np.isin(marks, known), marks, np.uint64(0)))
        yield batch.set_column(place, batch.schema.field(place), kept)


def _batch(table: block_table.BlockTable, rows: np.ndarray, columns: pa.Schema) -> pa.RecordBatch:
    """Some rows with all columns, in their order."""
    parts, places = [], []
    for chunk in table.chunks():
        here = np.flatnonzero((rows >= chunk.first_row) & (rows < chunk.first_row + len(chunk)))
        if len(here):
            parts.append(schema.cast(chunk.records(rows[here] - chunk.first_row), columns))
            places.append(here)
    joined = pa.Table.from_batches(parts, columns).combine_chunks()
    order = np.argsort(np.concatenate(places))
    return joined.take(pa.array(order)).combine_chunks().to_batches()[0]
