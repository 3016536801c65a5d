# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a file holds, as plain bytes in which texts, wordpieces and vectors can be found.

Every file gives its bytes, decompressed where it is compressed as a whole (gzip, bzip2, xz, zip,
also one in the other). Formats that hide what they hold give it besides, as plain bytes:

- JSON and JSON Lines: texts without their escapes, lists of numbers as arrays;
- Arrow and Parquet files: the values of every column, decompressed;
- NumPy arrays and the variables of checkpoints and SavedModels: wider or narrower numbers;
- TFRecords of examples: the lists of whole numbers, which protocol buffers encode. (Their texts and
  vectors are plain. So are those of TensorBoard's event files.)

Texts are UTF-8, wordpieces little-endian uint16 or uint32, vectors float16, float32, or int8 with a
scale for each.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import logging
import lzma
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf
from pyarrow import parquet

from realm_tf import artifacts
from realm_tf.artifacts import gfile

_LOGGER = logging.getLogger(__name__)
_DECOMPRESS: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ\x00": lzma.decompress,
}
_ASIDE = re.compile(r"\.tmp-[0-9a-f]+$")  # of a file that was never finished; see `atomic_path`
_ZIP = b"PK\x03\x04"
_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    pa.ArrowInvalid,
)


def read(path: str) -> Iterator[np.ndarray]:
    """Yields what a file holds, as arrays <uint8>[any].

    A file that is damaged, or not what its name says, gives its bytes as they are.

    Args:
      path: Path of a file, on any filesystem that tf.io.gfile knows.
    """
    with gfile.GFile(path, "rb") as file:
        yield from _plain(_ASIDE.sub("", path), file.read())
    folder, name = os.path.split(path)
    prefix = name.removesuffix(".index")
    if prefix != name and artifacts.paths_in(folder, prefix=f"{prefix}.data-"):
        yield from _variables(os.path.join(folder, prefix))


def _plain(name: str, data: bytes) -> Iterator[np.ndarray]:
    """What bytes hold: they themselves, decompressed if they are compressed, and what they hide."""
    for magic, decompress in _DECOMPRESS.items():
        if data.startswith(magic) and (inner := _or_none(decompress, data)) is not None:
            yield from _plain(name.rpartition(".")[0], inner)
            return
    yield np.frombuffer(data, np.uint8)
    for reader in (_zipped, _array, _arrow, _parquet, _examples, _json):
        try:
            yield from reader(name, data)
        except _DAMAGE as error:
            _LOGGER.debug("%s: %s", name, error)


def _or_none(decompress: Callable[[bytes], bytes], data: bytes) -> bytes | None:
    try:
        return decompress(data)
    except _DAMAGE:
        return None


def _zipped(name: str, data: bytes) -> Iterator[np.ndarray]:
    if data.startswith(_ZIP):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                yield from _plain(member, archive.read(member))


def _array(name: str, data: bytes) -> Iterator[np.ndarray]:
    if data.startswith(b"\x93NUMPY"):
        yield from numbers(np.lib.format.read_array(io.BytesIO(data), allow_pickle=False))


def numbers(array: np.ndarray) -> Iterator[np.ndarray]:
    """Yields an array of another number type as one of the types that are looked for."""
    array = np.ascontiguousarray(array).reshape(-1)
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind in "iu" and size != 2:
        yield array.astype("<u4").view(np.uint8)
    elif kind == "f":
        yield array.astype("<f4").view(np.uint8)
    elif kind in "SO":
        texts = (value if isinstance(value, bytes) else str(value).encode() for value in array)
        yield from (np.frombuffer(text, np.uint8) for text in texts)


def _arrow(name: str, data: bytes) -> Iterator[np.ndarray]:
    if data.startswith(b"ARROW1"):
        file = pa.ipc.open_file(pa.BufferReader(data))
        for number in range(file.num_record_batches):
            yield from _columns(file.get_batch(number).columns)


def _parquet(name: str, data: bytes) -> Iterator[np.ndarray]:
    if data.startswith(b"PAR1"):
        file = parquet.ParquetFile(pa.BufferReader(data))
        for number in range(file.num_row_groups):
            table = file.read_row_group(number)
            yield from _columns(chunk for column in table.columns for chunk in column.chunks)


def _columns(arrays: Any) -> Iterator[np.ndarray]:
    for array in arrays:
        if isinstance(array, pa.DictionaryArray):
            yield from _columns([array.dictionary])
        elif isinstance(array, pa.StructArray):
            yield from _columns(array.flatten())
        elif isinstance(array, pa.ListArray | pa.LargeListArray | pa.FixedSizeListArray):
            yield from _columns([array.flatten()])
        elif pa.types.is_integer(array.type) or pa.types.is_floating(array.type):
            yield from numbers(array.drop_null().to_numpy(zero_copy_only=False))
            yield from (np.frombuffer(buffer, np.uint8) for buffer in array.buffers() if buffer)
        else:
            yield from (np.frombuffer(buffer, np.uint8) for buffer in array.buffers() if buffer)


def _examples(name: str, data: bytes) -> Iterator[np.ndarray]:
    """The whole numbers of a file of TFRecords of `tf.train.Example`."""
    for record in _records(data):
        example = tf.train.Example()
        try:
            example.ParseFromString(record)
        except Exception:  # noqa: BLE001  Records of something else: protobuf has its own error.
            return
        for feature in example.features.feature.values():
            if feature.int64_list.value:
                yield from numbers(np.array(feature.int64_list.value, np.int64))


def _records(data: bytes) -> Iterator[bytes]:
    """The records of bytes that are a file of TFRecords from beginning to end."""
    place, found = 0, []
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 8], "little")
        place += 12
        if place + length + 4 > len(data):
            return
        found.append(data[place : place + length])
        place += length + 4
    if place == len(data):
        yield from found


def _json(name: str, data: bytes) -> Iterator[np.ndarray]:
    if not re.search(r"\.(json|jsonl|ndjson)$", name):
        return
    lines = [data] if name.endswith(".json") else data.splitlines()
    for line in filter(None, lines):
        yield from _values(json.loads(line))


def _values(value: Any) -> Iterator[np.ndarray]:
    if isinstance(value, str):
        yield np.frombuffer(value.encode("utf-8", "surrogatepass"), np.uint8)
        if value.startswith(("{", "[")):  # as metadata is kept, JSON within JSON
            try:
                yield from _values(json.loads(value))
            except ValueError:
                return
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _values(name)
            yield from _values(item)
    elif isinstance(value, list):
        if value and all(type(item) is int for item in value):
            yield from numbers(np.array(value, np.float64).astype(np.int64))
        elif value and all(type(item) in (int, float) for item in value):
            yield from numbers(np.array(value, np.float64))
        else:
            for item in value:
                yield from _values(item)


def _variables(prefix: str) -> Iterator[np.ndarray]:
    """The variables of a checkpoint or a SavedModel, by the path that its files begin with."""
    try:
        with artifacts.plain_path(os.path.dirname(prefix)) as folder:
            reader = tf.train.load_checkpoint(os.path.join(folder, os.path.basename(prefix)))
    except (tf.errors.OpError, ValueError) as error:  # no checkpoint, or a damaged one
        _LOGGER.debug("%s: %s", prefix, error)
        return
    for name in sorted(reader.get_variable_to_shape_map()):
        try:
            value = reader.get_tensor(name)
        except tf.errors.OpError as error:
            _LOGGER.warning("%s: %s cannot be read: %s", prefix, name, error.message)
            continue
        yield from numbers(np.asarray(value))
