# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reading a corpus: JSON Lines, one document a line, plain or gzipped."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, NoReturn, cast

import tensorflow as tf

from realm_tf import artifacts, types

FORMATS = (".jsonl", ".jsonl.gz")

_ID_KEYS = ("id", "doc_id")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def expand(pattern: str) -> list[str]:
    """The files that a glob pattern names, sorted.

    Raises:
      UserError: If there are none, or one is of a format that cannot be read.
    """
    files = sorted(p for p in tf.io.gfile.glob(pattern) if not tf.io.gfile.isdir(p))
    if not files:
        raise types.UserError(
            f"No file matches {pattern!r}. Give a file or a pattern such as 'corpus/*.jsonl.gz'."
        )
    for file in files:
        _check_format(file)
    return files


def fingerprint(pattern: str) -> str:
    """Hash of the contents of the files that a pattern names, whatever their names.

    Raises:
      UserError: As `expand`.
    """
    return artifacts.digest(sorted(artifacts.file_sha256(file)[0] for file in expand(pattern)))


def read(pattern: str) -> Iterator[types.Document]:
    """Reads every document of the files that a pattern names, in order.

    Raises:
      UserError: As `expand`, `read_lines` and `parse_line`.
    """
    for file in expand(pattern):
        for line_number, line in read_lines(file):
            yield parse_line(line, file=file, line_number=line_number)


def read_lines(file: str) -> Iterator[tuple[int, bytes]]:
    """Yields (line number from 1, line) of every line that is not blank.

    Raises:
      UserError: If the file is missing, of another format, or damaged.
    """
    _check_format(file)
    number = 0
    try:
        with tf.io.gfile.GFile(file, "rb") as raw:
            lines = raw
            if file.endswith(".gz"):
                lines = io.BufferedReader(gzip.GzipFile(fileobj=cast(BinaryIO, raw)))
            for number, line in enumerate(lines, 1):
                if number == 1:
                    line = line.removeprefix(_BYTE_ORDER_MARK)
                if line.strip():
                    yield number, line
    except tf.errors.NotFoundError:
        raise types.UserError(f"No such file: {file}.") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise types.UserError(f"{file}:{number + 1}: damaged gzip file: {error}.") from error


def parse_line(line: bytes, *, file: str, line_number: int) -> types.Document:
    """Parses one line: a JSON object with "id" (or "doc_id"), "text", and maybe "title".

    Everything else in it becomes the document's metadata.

    Args:
      line: UTF-8 JSON.
      file: For the error.
      line_number: For the error, from 1.

    Raises:
      UserError: If it is not such an object, naming file and line.
    """
    where = f"{file}:{line_number}"
    record = _parse_json(line, where)
    if not isinstance(record, dict):
        raise types.UserError(f"{where}: a JSON object is needed. Received: {_short(record)}.")
    doc_id = _take_id(record, where)
    title, text = record.pop("title", None), record.pop("text", None)
    if not isinstance(text, str):
        raise types.UserError(f'{where}: "text" must be a string. Received: {_short(text)}.')
    if not isinstance(title, str | None):
        raise types.UserError(f'{where}: "title" must be a string. Received: {_short(title)}.')
    return types.Document(doc_id=doc_id, title=title or "", text=text, metadata=record)


def _check_format(file: str) -> None:
    if not file.endswith(FORMATS):
        raise types.UserError(
            f"{file} is of an unknown format. A corpus is {' or '.join(FORMATS)}: JSON Lines, one"
            ' {"id": ..., "title": ..., "text": ...} a line.'
        )


def _parse_json(line: bytes, where: str) -> Any:
    try:
        record = json.loads(line.decode("utf-8"), parse_constant=_refuse_constant)
        if b"\\ud" in line.lower():  # an escaped half of a surrogate pair is no character
            artifacts.canonical_json(record).encode("utf-8")
        return record
    except UnicodeDecodeError as error:
        raise types.UserError(f"{where}: not UTF-8: {error}.") from error
    except UnicodeEncodeError as error:
        raise types.UserError(f"{where}: not valid Unicode: {error}.") from error
    except (ValueError, RecursionError) as error:
        raise types.UserError(f"{where}: invalid JSON: {error}.") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _take_id(record: dict[str, Any], where: str) -> str:
    key = next((key for key in _ID_KEYS if key in record), None)
    if key is None:
        raise types.UserError(f'{where}: no "id". Every document needs one that is its own.')
    value = record.pop(key)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value:
        raise types.UserError(
            f'{where}: "{key}" must be a string that is not empty. Received: {_short(value)}.'
        )
    return value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
