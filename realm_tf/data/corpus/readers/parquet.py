# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads documents from Parquet files: a row is a document; only a batch of rows is in memory."""

from __future__ import annotations

import datetime
import decimal
import io
import math
from collections.abc import Iterator, Mapping
from typing import Any, cast

import pyarrow
import tensorflow as tf
from pyarrow import parquet

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.data.corpus import records
from realm_tf.data.corpus.readers import fields
from realm_tf.text.inputs import lines, streams

_BATCH_ROWS = 256


def read(
    unit: records.Unit, corpus_config: config_lib.CorpusConfig
) -> Iterator[records.RawDocument | records.Problem]:
    """Reads the documents of a Parquet file: its rows, numbered from 1; its columns are fields.

    Raises:
      UserError: If the file is missing.
      streams.DamagedError: After the rows before the damage.
    """
    number = 0
    for row in _rows(unit.file):
        number += 1
        try:
            size = sum(len(value) for value in row.values() if isinstance(value, str | bytes))
            if size > corpus_config.max_record_bytes:
                yield records.too_long(unit.file, number, size, corpus_config.max_record_mb)
                continue
            values = {name: json_value(value) for name, value in row.items()}
            yield fields.raw_document(number, values, corpus_config)
        except lines.BadRecordError as error:
            yield records.Problem(unit.file, number, str(error))


def _rows(file: str) -> Iterator[dict[str, Any]]:
    try:
        with tf.io.gfile.GFile(file, "rb") as raw:
            table = parquet.ParquetFile(pyarrow.PythonFile(_PythonFile(raw), mode="r"))
            for batch in table.iter_batches(_BATCH_ROWS, use_threads=False):
                columns = [_values(column) for column in batch.columns]
                for cells in zip(*columns, strict=True):
                    yield dict(zip(batch.schema.names, cells, strict=True))
    except tf.errors.NotFoundError:
        raise types.UserError(f"No such file: {file}.") from None
    except (pyarrow.ArrowException, OSError) as error:
        raise streams.DamagedError(f"not a Parquet file, or damaged: {error}") from error


def _values(column: pyarrow.Array) -> list[Any]:
    """A column as Python values; as bytes if its text is not UTF-8, so that rows can be named."""
    try:
        return column.to_pylist()
    except UnicodeDecodeError:
        return column.cast(pyarrow.binary()).to_pylist()


class _PythonFile(io.RawIOBase):
    """A file of `tf.io.gfile` with what pyarrow asks of a Python file."""

    def __init__(self, raw: tf.io.gfile.GFile):
        self._raw = raw

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return cast(bytes, self._raw.read(size))

    def tell(self) -> int:
        return int(self._raw.tell())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._raw.seek(offset, whence)
        return self.tell()


def json_value(value: Any) -> Any:
    """A Parquet value as JSON has it: times as ISO 8601, decimals as text, NaN as null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal | datetime.timedelta):
        return str(value)
    if isinstance(value, bytes):
        return lines.decode(value)
    if isinstance(value, Mapping):
        return {str(key): json_value(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(inner) for inner in value]
    return value
