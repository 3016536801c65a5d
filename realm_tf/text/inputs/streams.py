# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Input files as streams of bytes, decompressed (gzip, bzip2).

Memory is bounded whatever the size of the file. Damage shows itself as a `DamagedError` after all
that could be read: the standard library's bz2 files end silently at a damaged stream.
"""

from __future__ import annotations

import bz2
import itertools
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from realm_tf import types
from realm_tf.artifacts import gfile

CHUNK_BYTES = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"
BZIP2_MAGIC = b"BZh"

# What is no text in UTF-8, by its first bytes, and the cure.
_REFUSED = {
    b"\x28\xb5\x2f\xfd": "compressed with Zstandard: compress it with gzip or bzip2",
    b"\xfd7zXZ": "compressed with xz: compress it with gzip or bzip2",
    b"PK\x03\x04": "a zip archive (or a spreadsheet): unpack it, or save it as CSV",
    b"\xff\xfe": "text in UTF-16: convert it to UTF-8",
    b"\xfe\xff": "text in UTF-16: convert it to UTF-8",
    b"%PDF-": "a PDF: convert it to text",
    b"PAR1": "a Parquet file: read it as one, with --format parquet",
}


class DamagedError(Exception):
    """An input file is damaged, so that nothing behind this place can be read."""


def chunks(file: str) -> Iterator[bytes]:
    """Yields the contents of an input file, decompressed if they begin as gzip or bzip2 do.

    Raises:
      UserError: If there is no such file.
      DamagedError: After what could be decompressed; at once if it is no text in UTF-8.
    """
    raw = raw_chunks(file)
    head = next(raw, b"")
    make = decompressor(file, head)
    contents: Iterator[bytes] = itertools.chain([head], raw)
    if make is not None:
        contents = (out for _, out in decompressed(contents, make))
    first = next(contents, b"")
    for magic, what in _REFUSED.items():
        if first.startswith(magic):
            raise DamagedError(f"the file is {what}")
    yield first
    yield from contents


def raw_chunks(file: str, byte_start: int = 0) -> Iterator[bytes]:
    """Yields the bytes of an input file from `byte_start` on, not decompressed.

    Raises:
      UserError: If there is no such file.
    """
    try:
        with gfile.GFile(file, "rb") as f:
            if byte_start:
                f.seek(byte_start)
            while chunk := f.read(CHUNK_BYTES):
                yield chunk
    except FileNotFoundError:
        raise types.UserError(f"No such file: {file}.") from None
    except OSError as error:
        raise types.UserError(f"Cannot read {file}: {error.strerror}.") from None
    except gfile.errors() as error:
        raise types.UserError(f"Cannot read {file}: {error.message}.") from None


class Decompressor(Protocol):
    """Interface of a decompressor of one stream of a file, as `bz2.BZ2Decompressor` has it."""

    @property
    def eof(self) -> bool:
        """Whether the stream's end was reached."""

    @property
    def needs_input(self) -> bool:
        """Whether there is no more output without more input."""

    @property
    def unused_data(self) -> bytes:
        """The bytes behind the end of the stream."""

    def decompress(self, data: bytes, /, max_length: int) -> bytes:
        """At most `max_length` bytes; OSError if the data are damaged."""


class GzipDecompressor:
    """Decompresses one member of a gzip file, with the interface of `Decompressor`."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=31)
        self._is_full = False

    @property
    def needs_input(self) -> bool:
        """Whether there is no more output without more input."""
        return not self._is_full

    @property
    def eof(self) -> bool:
        """Whether the member's end was reached, and its checksum is right."""
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        """The bytes behind the end of the member."""
        return self._inflate.unused_data

    def decompress(self, data: bytes, /, max_length: int) -> bytes:
        """At most `max_length` bytes; OSError if the data are damaged."""
        try:
            out = self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)
        except zlib.error as error:
            raise OSError(str(error).rpartition(": ")[2]) from error
        self._is_full = bool(self._inflate.unconsumed_tail) or len(out) == max_length
        return out


def decompressed(
    raw: Iterator[bytes], make: Callable[[], Decompressor]
) -> Iterator[tuple[int, bytes]]:
    """Decompresses the streams of a file, one after the other.

    Yields:
      Where the stream begins in the raw bytes, and a part of what it holds.

    Raises:
      DamagedError: If a stream is damaged, cut off, or followed by what is no stream.
    """
    stream: Decompressor | None = None
    read, stream_start = 0, 0
    for chunk in raw:
        data = chunk
        read += len(chunk)
        while data or (stream is not None and not stream.needs_input and not stream.eof):
            if stream is None:
                data = data.lstrip(b"\0")  # archivers pad with zeros
                if not data:
                    break
                stream, stream_start = make(), read - len(data)
            try:
                out = stream.decompress(data, CHUNK_BYTES)
            except (OSError, EOFError) as error:
                raise DamagedError(f"damaged compressed data: {error}") from error
            if out:
                yield stream_start, out
            data = b""
            if stream.eof:
                data, stream = stream.unused_data, None
    if stream is not None:
        raise DamagedError("the compressed data end in the middle: the file was cut off")


def decompressor(file: str, first: bytes) -> Callable[[], Decompressor] | None:
    """A new decompressor for a file that begins with `first`; None if it is not compressed.

    Raises:
      DamagedError: If it does not begin as its name says.
    """
    if first.startswith(GZIP_MAGIC):
        return GzipDecompressor
    if first.startswith(BZIP2_MAGIC):
        return bz2.BZ2Decompressor
    if file.endswith((".gz", ".bz2")):
        raise DamagedError("damaged compressed data: the file does not begin as its name says")
    return None
