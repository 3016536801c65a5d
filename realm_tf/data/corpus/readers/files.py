# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Corpus files as streams of bytes: found by pattern, decompressed (gzip, bzip2), cut into lines.

Memory is bounded whatever the size of the file. Damage shows itself as a `DamagedError` after all
that could be read: the standard library's bz2 files end silently at a damaged stream.
"""

from __future__ import annotations

import bz2
import itertools
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import tensorflow as tf

from realm_tf import types

CHUNK_BYTES = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"
BZIP2_MAGIC = b"BZh"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class DamagedError(Exception):
    """A corpus file is damaged, so that nothing behind this place can be read."""


class Line(NamedTuple):
    """A line of a corpus file, without its line end.

    Attributes:
      number: Number of the line in its file, from 1.
      text: Bytes of the line; empty if the line is too long.
      size: Size of the whole line in bytes.
      is_too_long: Whether the line has more bytes than the caller allows.
    """

    number: int
    text: bytes
    size: int
    is_too_long: bool


def expand(pattern: str) -> tuple[str, list[str]]:
    """The files of a corpus: those that a glob pattern names, or all below a folder, sorted.

    Returns:
      root: The folder itself, or the folder before the first wildcard of the pattern.
      files: Paths of the files, sorted.

    Raises:
      UserError: If there are none.
    """
    if tf.io.gfile.isdir(pattern):
        root = pattern.rstrip("/")
        walked = tf.io.gfile.walk(root)
        files = [f"{folder.rstrip('/')}/{name}" for folder, _, names in walked for name in names]
    else:
        fixed = pattern[: min((pattern.find(c) for c in "*?[{" if c in pattern), default=None)]
        root = fixed.rpartition("/")[0]
        files = [f for f in tf.io.gfile.glob(pattern) if not tf.io.gfile.isdir(f)]
    if not files:
        raise types.UserError(
            f"No file matches {pattern!r}. Give a file, a folder, or a pattern such as"
            " 'corpus/*.jsonl.gz'."
        )
    return root, sorted(files)


def chunks(file: str) -> Iterator[bytes]:
    """Yields the contents of a corpus file, decompressed if they begin as gzip or bzip2 do.

    Raises:
      UserError: If there is no such file.
      DamagedError: After what could be decompressed.
    """
    raw = raw_chunks(file)
    first = next(raw, b"")
    make = decompressor(file, first)
    if make is None:
        yield from itertools.chain([first], raw)
    else:
        yield from (out for _, out in decompressed(itertools.chain([first], raw), make))


def raw_chunks(file: str, byte_start: int = 0) -> Iterator[bytes]:
    """Yields the bytes of a corpus file from `byte_start` on, not decompressed.

    Raises:
      UserError: If there is no such file.
    """
    try:
        with tf.io.gfile.GFile(file, "rb") as f:
            if byte_start:
                f.seek(byte_start)
            while chunk := f.read(CHUNK_BYTES):
                yield chunk
    except tf.errors.NotFoundError:
        raise types.UserError(f"No such file: {file}.") from None


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
            raise OSError(str(error)) from error
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


def lines(file: str, max_bytes: int) -> Iterator[Line]:
    """Yields the lines of a corpus file, numbered from 1; they end with a line feed or CR and LF.

    Raises:
      UserError: If there is no such file.
      DamagedError: After the lines that are whole.
    """
    kept: list[bytes] = []
    number, size = 1, 0
    for chunk in chunks(file):
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            size += len(part)
            yield _line(number, [*kept, part], size, max_bytes)
            number, size, kept = number + 1, 0, []
        size += len(rest)
        kept = [*kept, rest] if size <= max_bytes else []
    if size:
        yield _line(number, kept, size, max_bytes)


def _line(number: int, parts: list[bytes], size: int, max_bytes: int) -> Line:
    if size > max_bytes:
        return Line(number, b"", size, True)
    text = b"".join(parts)
    if number == 1:
        text = text.removeprefix(_BYTE_ORDER_MARK)
    return Line(number, text.removesuffix(b"\r"), size, False)


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
