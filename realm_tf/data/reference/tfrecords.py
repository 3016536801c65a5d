# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Counts and reads TFRecord files, plain or gzipped, that others wrote, and detects damage.

A record is its length (8 bytes, little-endian), a checksum of that (4), the data, and a checksum
of the data (4). TensorFlow's reader checks the checksums, but takes a gzipped file that lost its
end for a whole one if what is left ends between records; counting finds that.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import tensorflow as tf

from realm_tf import types

_LENGTH = struct.Struct("<Q")
_HEADER_BYTES, _FOOTER_BYTES = 12, 4
_MAX_RECORD_BYTES = 1 << 30  # a longer "record" is text or something else
_CHUNK_BYTES = 1 << 24
_READ_BATCH = 512
_GZIP_MAGIC = b"\x1f\x8b\x08"


def count(path: str) -> int:
    """Counts the records of a TFRecord file by their lengths, to the end of the file.

    Raises:
      UserError: If the file is truncated, or does not hold TFRecords.
    """
    found, rest = 0, b""
    try:
        for chunk in _chunks(path):
            data, place = rest + chunk, 0
            while place + _HEADER_BYTES <= len(data):
                (length,) = _LENGTH.unpack_from(data, place)
                if length > _MAX_RECORD_BYTES:
                    raise types.UserError(f"{path} does not hold TFRecords (at record {found}).")
                limit = place + _HEADER_BYTES + length + _FOOTER_BYTES
                if limit > len(data):
                    break
                place, found = limit, found + 1
            rest = data[place:]
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise types.UserError(
            f"{path}: record {found}: damaged gzip file: {error}. Fetch it again."
        ) from error
    if rest:
        raise types.UserError(f"{path}: record {found}: the file is truncated. Fetch it again.")
    return found


def read(path: str) -> Iterator[bytes]:
    """Yields the serialized records of a TFRecord file.

    Raises:
      UserError: If a checksum is wrong, naming the record.
    """
    compression = "GZIP" if _is_gzip(path) else ""
    dataset = tf.data.TFRecordDataset(path, compression_type=compression)
    number = 0
    # Every step of the iterator is an op with its overhead: many records a step.
    try:
        for batch in dataset.batch(_READ_BATCH).as_numpy_iterator():
            yield from batch
            number += len(batch)
    except tf.errors.DataLossError:
        number = _first_damaged(dataset, number)
        raise types.UserError(
            f"{path}: record {number}: its checksum is wrong. Fetch the file again."
        ) from None


def _first_damaged(dataset: tf.data.Dataset, number: int) -> int:
    """The number of the first record from `number` on that cannot be read."""
    try:
        for _ in dataset.skip(number).as_numpy_iterator():
            number += 1
    except tf.errors.DataLossError:
        pass
    return number


def _is_gzip(path: str) -> bool:
    # The original gives both kinds any name: docs.tfr.gz-00000-of-00050, blocks.tfr.
    with tf.io.gfile.GFile(path, "rb") as f:
        return f.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC


def _chunks(path: str) -> Iterator[bytes]:
    is_gzip = _is_gzip(path)
    with tf.io.gfile.GFile(path, "rb") as raw:
        stream: Any = gzip.GzipFile(fileobj=cast(BinaryIO, raw)) if is_gzip else raw
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk
