# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Input files as numbered lines of UTF-8, in memory that the file does not grow.

A line ends with LF, or CR and LF; in a file that has CR alone (of an old Macintosh, or of Excel for
it), with CR. A byte order mark is no part of the first line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from realm_tf import types
from realm_tf.text.inputs import streams

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MAX_BYTES = 16 << 20


class BadRecordError(ValueError):
    """A line or a record that cannot be read; the message does not name its place yet."""


class Line(NamedTuple):
    """A line of an input file, without its line end.

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


def lines(file: str, max_bytes: int = _MAX_BYTES) -> Iterator[Line]:
    """Yields the lines of an input file, numbered from 1.

    Raises:
      UserError: If there is no such file.
      streams.DamagedError: After the lines that are whole.
    """
    kept: list[bytes] = []
    number, size, end = 1, 0, b""
    for chunk in streams.chunks(file):
        end = end or (b"\r" if b"\r" in chunk[:-1] and b"\n" not in chunk else b"\n")
        *ended, rest = chunk.split(end)
        for part in ended:
            size += len(part)
            yield _line(number, [*kept, part], size, max_bytes)
            number, size, kept = number + 1, 0, []
        size += len(rest)
        kept = [*kept, rest] if size <= max_bytes else []
    if size:
        yield _line(number, kept, size, max_bytes)


def read_lines(file: str) -> Iterator[tuple[str, str]]:
    """Yields the place of every line of an input file, as "words.txt:3", and its text.

    Raises:
      UserError: If there is no such file, it is damaged, or a line is not UTF-8 or very long.
    """
    try:
        for line in lines(file):
            where = f"{file}:{line.number}"
            if line.is_too_long:
                raise types.UserError(
                    f"{where}: the line has {line.size} bytes: is it such a file?"
                )
            try:
                yield where, decode(line.text)
            except BadRecordError as error:
                raise types.UserError(f"{where}: {error}") from error
    except streams.DamagedError as error:
        raise types.UserError(f"{file}: {error}.") from error


def decode(text: bytes) -> str:
    """Decodes UTF-8.

    Raises:
      BadRecordError: If it is none, with the first byte that is not.
    """
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        place, byte = error.start, text[error.start]
        message = f"not UTF-8: its byte {place + 1} is 0x{byte:02X}. Convert the file to UTF-8."
        raise BadRecordError(message) from error


def _line(number: int, parts: list[bytes], size: int, max_bytes: int) -> Line:
    if size > max_bytes:
        return Line(number, b"", size, True)
    text = b"".join(parts)
    if number == 1:
        text = text.removeprefix(_BYTE_ORDER_MARK)
    return Line(number, text.removesuffix(b"\r"), size, False)
