# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Divides a large corpus file, plain or bzip2, into parts that workers read independently.

A part is a range of bytes of the file; its records are those that begin in it. So a file that is
not compressed can be cut anywhere. A bzip2 file can be cut where one of its streams begins: the
multi-stream dumps of Wikipedia have one per hundred pages, and pbzip2 writes one per 900 kB.
"""

from __future__ import annotations

import bz2
import itertools
from collections.abc import Iterator

import tensorflow as tf

from realm_tf.data.corpus import records
from realm_tf.text.inputs import streams

# A stream's header, with the level of compression between them, and its first block's: digits of
# pi (https://en.wikipedia.org/wiki/Bzip2#File_format).
_BLOCK_MAGIC = bytes.fromhex("314159265359")
_HEADER_BYTES = len(streams.BZIP2_MAGIC) + 1 + len(_BLOCK_MAGIC)
_PROBE_BYTES = 1 << 20  # holds a whole block of 900 kB as bzip2 writes it


def units(file: str, root: str, part_bytes: int) -> list[records.Unit]:
    """Divides a corpus file into units of about `part_bytes` bytes, in order."""
    size = tf.io.gfile.stat(file).length
    first = next(streams.raw_chunks(file), b"")
    if first.startswith(streams.BZIP2_MAGIC):
        cuts = list(_stream_starts(file, part_bytes, size))
    elif first.startswith(streams.GZIP_MAGIC):
        cuts = []
    else:
        cuts = list(range(part_bytes, size, part_bytes))
    borders = [0, *cuts, -1]
    return [records.Unit(file, a, b, root) for a, b in itertools.pairwise(borders)]


def pieces(unit: records.Unit) -> Iterator[tuple[bytes, bool]]:
    """Yields the contents of a corpus file from a unit's first byte on, decompressed.

    Yields:
      A part of the contents, and whether records that begin in it are the unit's. The unit's parts
      come first.

    Raises:
      UserError: If there is no such file.
      DamagedError: After what could be decompressed.
    """
    raw = streams.raw_chunks(unit.file, unit.byte_start)
    first = next(raw, b"")
    make = (
        streams.decompressor(unit.file, first)
        if unit.byte_start == 0 or _is_stream(first)
        else None
    )
    raw = itertools.chain([first], raw)
    limit = unit.byte_limit - unit.byte_start if unit.byte_limit >= 0 else None
    if make is not None:
        for start, out in streams.decompressed(raw, make):
            yield out, limit is None or start < limit
        return
    position = 0
    for chunk in raw:
        own = len(chunk) if limit is None else max(0, min(len(chunk), limit - position))
        position += len(chunk)
        for part, is_own in ((chunk[:own], True), (chunk[own:], False)):
            if part:
                yield part, is_own


def _stream_starts(file: str, part_bytes: int, size: int) -> Iterator[int]:
    """Yields, after every `part_bytes` bytes, the place where the next bzip2 stream starts."""
    target = part_bytes
    while target < size and (start := _next_stream(file, target)) is not None:
        yield start
        target = start + part_bytes


def _next_stream(file: str, byte_start: int) -> int | None:
    held, position = b"", byte_start
    for chunk in streams.raw_chunks(file, byte_start):
        held += chunk
        place = held.find(_BLOCK_MAGIC)
        while place >= 0:
            start = place - _HEADER_BYTES + len(_BLOCK_MAGIC)
            if start >= 0 and _is_stream(held[start:]) and _decompresses(file, position + start):
                return position + start
            place = held.find(_BLOCK_MAGIC, place + 1)
        position += max(0, len(held) - _HEADER_BYTES + 1)
        held = held[-_HEADER_BYTES + 1 :]
    return None


def _is_stream(data: bytes) -> bool:
    magic = len(streams.BZIP2_MAGIC)
    return (
        data.startswith(streams.BZIP2_MAGIC)
        and data[magic : magic + 1] in b"123456789"
        and data[magic + 1 : _HEADER_BYTES] == _BLOCK_MAGIC
    )


def _decompresses(file: str, byte_start: int) -> bool:
    """Whether a block's checksum is right: its bytes may be there by chance."""
    data = b""
    for chunk in streams.raw_chunks(file, byte_start):
        data += chunk
        if len(data) >= _PROBE_BYTES:
            break
    try:
        return bool(bz2.BZ2Decompressor().decompress(data, 1))
    except OSError:
        return False
