# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Shards of blocks and of spans: Arrow IPC files, uncompressed, which readers map into memory.

A shard is a file of record batches of `ROWS` rows; the last may have fewer. The shard of spans
has the same batches of rows as the shard of blocks that it marks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from realm_tf import artifacts, types
from realm_tf.artifacts import gfile
from realm_tf.data.blocks import keys, schema

# Rows of a record batch: some 200 MB of blocks, which a writer holds in memory.
ROWS = 1 << 16
# Spans are joined into one dictionary of labels a file, as the format wants it.
_OPTIONS = pa.ipc.IpcWriteOptions(unify_dictionaries=True)


def name(number: int, num_shards: int, kind: str = schema.BLOCKS, suffix: str = "arrow") -> str:
    """Returns the file name of a shard, e.g. "blocks-00000-of-00008.arrow"."""
    return f"{kind}-{number:05d}-of-{num_shards:05d}.{suffix}"


def write(path: str, batches: Iterable[pa.RecordBatch], table_schema: pa.Schema) -> int:
    """Writes one shard at `path`, atomically.

    Args:
      path: Path on any filesystem that tf.io.gfile knows.
      batches: Record batches of any sizes.
      table_schema: Schema of the batches.

    Returns:
      The number of rows.
    """
    count = 0
    with (
        artifacts.atomic_path(path) as aside,
        _file(aside) as file,
        pa.ipc.new_file(file, table_schema, options=_OPTIONS) as writer,
    ):
        for batch in _in_rows(batches, table_schema, ROWS):
            writer.write_batch(batch)
            count += batch.num_rows
    return count


def read(path: str) -> list[pa.RecordBatch]:
    """Maps the record batches of a shard into memory; empty ones are left out.

    Raises:
      UserError: If the file is missing or is no such shard.
    """
    with _damage(path):
        file = pa.ipc.open_file(pa.memory_map(artifacts.localise(path)))
        batches = [file.get_batch(number) for number in range(file.num_record_batches)]
        return [batch for batch in batches if batch.num_rows]


def columns(path: str) -> pa.Schema:
    """Returns the schema of a shard.

    Raises:
      UserError: As `read`.
    """
    with _damage(path):
        return pa.ipc.open_file(pa.memory_map(artifacts.localise(path))).schema


@contextlib.contextmanager
def _damage(path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise types.UserError(f"No such shard: {path}. Make its segment again.") from None
    except (pa.ArrowInvalid, OSError) as error:
        message = " ".join(str(error).split())
        raise types.UserError(
            f"{path} is damaged or no Arrow file: {message}. Make its segment again."
        ) from error


def write_segments(
    root: str,
    passages: Iterable[types.Passage],
    *,
    num_shards: int,
    settings: Mapping[str, Any],
    made_from: Mapping[str, str],
) -> tuple[artifacts.Segment, artifacts.Segment]:
    """Writes blocks and their spans that fit in memory as two segments, without Beam.

    Args:
      root: Directory of segments.
      passages: Blocks with their spans, in any order.
      num_shards: Number of files of each segment.
      settings: Settings of the blocks; at least "vocab_size".
      made_from: At least "tokenizer", the tokenizer's fingerprint.

    Returns:
      The segment "blocks", and the segment "spans" that marks it.
    """
    divided: list[list[types.Passage]] = [[] for _ in range(num_shards)]
    for passage in sorted(passages, key=lambda p: (p.block.doc_id, p.block.doc_byte_start)):
        divided[keys.shard_of(passage.block.doc_id, num_shards)].append(passage)
    byte = pa.uint32()
    fields = settings.get(schema.METADATA_FIELDS, {})
    of_blocks = schema.of_blocks(schema.token_type(settings["vocab_size"]), byte, fields)
    blocks = _segment(
        root,
        schema.BLOCKS,
        [schema.block_batch([p.block for p in shard], of_blocks) for shard in divided],
        settings,
        made_from,
    )
    spans = _segment(
        root,
        schema.SPANS,
        [schema.span_batch([p.spans for p in shard], schema.of_spans(byte)) for shard in divided],
        settings,
        {**made_from, "blocks": blocks.fingerprint},
    )
    return blocks, spans


def head(
    blocks: artifacts.Segment, spans: artifacts.Segment | None, count: int, root: str
) -> tuple[artifacts.Segment, artifacts.Segment | None]:
    """Writes one shard of the first rows of blocks, and one of their spans, as segments.

    Args:
      blocks: Segment "blocks".
      spans: Segment "spans" that marks it, or None.
      count: Number of rows.
      root: Directory of the new segments.
    """
    first = _head(blocks, count)
    made = _segment(root, schema.BLOCKS, [first], blocks.settings, blocks.made_from)
    if spans is None:
        return made, None
    made_from = {**spans.made_from, "blocks": made.fingerprint}
    marks = [_head(spans, count)]
    return made, _segment(root, schema.SPANS, marks, spans.settings, made_from)


def _head(segment: artifacts.Segment, count: int) -> pa.RecordBatch:
    batches = [batch for path in segment.files(f"{segment.kind}-") for batch in read(path)]
    table = pa.Table.from_batches(batches).slice(0, count).unify_dictionaries()
    return table.combine_chunks().to_batches()[0]


def _segment(
    root: str,
    kind: str,
    batches: Sequence[pa.RecordBatch],
    settings: Mapping[str, Any],
    made_from: Mapping[str, str],
) -> artifacts.Segment:
    path = artifacts.recipe_path(root, kind, settings=settings, made_from=made_from)
    writer = artifacts.SegmentWriter(
        path,
        kind=kind,
        settings=settings,
        made_from=made_from,
    )
    for number, batch in enumerate(batches):
        with writer.file(name(number, len(batches), kind), num_records=batch.num_rows) as aside:
            write(aside, [batch], batch.schema)
    return writer.commit(blocks=sum(batch.num_rows for batch in batches))


@contextlib.contextmanager
def _file(path: str) -> Iterator[Any]:
    if not artifacts.is_remote(path):
        with pa.OSFile(path, "wb") as file:
            yield file
        return
    with gfile.GFile(path, "wb") as remote:
        yield pa.PythonFile(remote, mode="w")


def _in_rows(
    batches: Iterable[pa.RecordBatch], table_schema: pa.Schema, rows: int
) -> Iterator[pa.RecordBatch]:
    """Joins and cuts record batches so that all but the last have so many rows."""
    pending: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        while batch.num_rows >= rows - count:
            part = batch.slice(0, rows - count)
            yield _joined([*pending, part], table_schema)
            batch = batch.slice(rows - count)
            pending, count = [], 0
        if batch.num_rows:
            pending.append(batch)
            count += batch.num_rows
    if pending:
        yield _joined(pending, table_schema)


def _joined(batches: Sequence[pa.RecordBatch], table_schema: pa.Schema) -> pa.RecordBatch:
    """One record batch of several, which must not be empty.

    Its buffers are copies of the rows alone, so that the bytes of a file do not depend on the
    batches that came in: a slice would keep what stands around it.
    """
    (joined,) = pa.Table.from_batches(batches, table_schema).combine_chunks().to_batches()
    return joined.take(pa.array(np.arange(joined.num_rows)))
