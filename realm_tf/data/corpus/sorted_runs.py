# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Sorts more documents than fit in memory: sorted runs on disk, merged shard by shard.

A run is a file of documents sorted by (shard, document id, file, number in the file), and the byte
where every shard's slice begins. Merging reads a slice of every run a little at a time, and holds
no file open meanwhile.

A record is its number (int64) and the sizes of five UTF-8 texts (uint32 each), little-endian, and
then the texts: document id, file, title, text, metadata.
"""

from __future__ import annotations

import heapq
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf.data.blocks import keys

_HEADER = struct.Struct("<q5I")
_BUFFERS_BYTES = 1 << 25  # of all slices that are merged
_MIN_BUFFER_BYTES, _MAX_BUFFER_BYTES = 1 << 12, 1 << 18


class Run(NamedTuple):
    """A file of sorted documents (a run of the external sort), with its slice for each shard.

    Attributes:
      path: Path of the file.
      offsets: Borders of the slices: shard i is from byte `offsets[i]` to `offsets[i + 1]`.
    """

    path: str
    offsets: list[int]


class Slice(NamedTuple):
    """The part of a run of sorted documents that belongs to one shard: bytes `start` to `limit`."""

    path: str
    start: int
    limit: int


class Sorter:
    """Sorts documents in memory, and writes them as runs, sorted files on disk.

    Args:
      path_of: Function from the number of a run to the path of its file.
      num_shards: Number of shards that `blocks.schema.shard_of` divides documents among.
      run_bytes: Size of a run: when its documents have as many bytes, it is written.
    """

    def __init__(self, path_of: Callable[[int], str], *, num_shards: int, run_bytes: int):
        self._path_of = path_of
        self._num_shards = num_shards
        self._run_bytes = run_bytes
        self._rows: list[tuple[int, str, str, int, bytes]] = []
        self._size = 0
        self._runs: list[Run] = []

    def add(self, document: types.Document) -> None:
        """Adds a document, and writes a run if enough documents are held."""
        shard = keys.shard_of(document.doc_id, self._num_shards)
        record = _encode(document)
        self._rows.append((shard, document.doc_id, document.file, document.number, record))
        self._size += len(record)
        if self._size >= self._run_bytes:
            self._write()

    def finish(self) -> list[Run]:
        """Writes what is left; returns all runs."""
        if self._rows:
            self._write()
        return self._runs

    def _write(self) -> None:
        self._rows.sort()
        path = self._path_of(len(self._runs))
        sizes = [0] * self._num_shards
        with artifacts.atomic_path(path) as aside, tf.io.gfile.GFile(aside, "wb") as f:
            for shard, *_, record in self._rows:
                f.write(record)
                sizes[shard] += len(record)
        offsets = [0]
        for size in sizes:
            offsets.append(offsets[-1] + size)
        self._runs.append(Run(path, offsets))
        self._rows, self._size = [], 0


def slices(runs: Sequence[Run], shard: int) -> list[Slice]:
    """The slices of all runs that belong to a shard, without empty ones."""
    found = [Slice(run.path, run.offsets[shard], run.offsets[shard + 1]) for run in runs]
    return [s for s in found if s.start < s.limit]


def merge(parts: Sequence[Slice]) -> Iterator[types.Document]:
    """The documents of one shard, sorted by document id, file and number."""
    share = _BUFFERS_BYTES // max(1, len(parts))
    buffer_bytes = min(_MAX_BUFFER_BYTES, max(_MIN_BUFFER_BYTES, share))
    streams = [_read(part, buffer_bytes) for part in parts]
    return heapq.merge(*streams, key=order)


def order(document: types.Document) -> tuple[str, str, int]:
    """The sort key of a document in a sorted run: id, file and number."""
    return document.doc_id, document.file, document.number


def _encode(document: types.Document) -> bytes:
    texts = [
        text.encode("utf-8")
        for text in (
            document.doc_id,
            document.file,
            document.title,
            document.text,
            document.metadata,
        )
    ]
    return b"".join([_HEADER.pack(document.number, *map(len, texts)), *texts])


def _read(part: Slice, buffer_bytes: int) -> Iterator[types.Document]:
    data, place, position = b"", 0, part.start
    while position < part.limit or place < len(data):
        size = _record_size(data, place)
        if place + size > len(data):
            wanted = max(buffer_bytes, size - (len(data) - place))
            chunk = _bytes(part.path, position, min(position + wanted, part.limit))
            data, place = data[place:] + chunk, 0
            position += len(chunk)
            continue
        yield _decode(data[place : place + size])
        place += size


def _record_size(data: bytes, place: int) -> int:
    """Size of the record at a place; of its header alone while that is not whole."""
    if place + _HEADER.size > len(data):
        return _HEADER.size
    return _HEADER.size + sum(_HEADER.unpack_from(data, place)[1:])


def _decode(record: bytes) -> types.Document:
    number, *sizes = _HEADER.unpack_from(record)
    texts, place = [], _HEADER.size
    for size in sizes:
        texts.append(record[place : place + size].decode("utf-8"))
        place += size
    doc_id, file, title, text, metadata = texts
    return types.Document(doc_id, file, number, title, text, metadata)


def _bytes(path: str, start: int, limit: int) -> bytes:
    # TensorFlow's files read half a megabyte at least, which would be most of the time here.
    opener = tf.io.gfile.GFile if "://" in path else open
    with opener(path, "rb") as f:
        f.seek(start)
        found = f.read(limit - start)
    if not found:
        raise OSError(f"{path} ends at byte {start}, before the end of its documents.")
    return found
