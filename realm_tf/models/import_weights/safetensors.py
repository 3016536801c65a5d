# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads and writes safetensors files: a length, a JSON header, and the bytes of the tensors.

Format: https://github.com/huggingface/safetensors, "Format". The header maps a name to `dtype`,
`shape` and `data_offsets` (from the end of the header, little-endian, row-major, without gaps).
Reading it needs no package, and nothing in it can run.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import artifacts, types

_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",  # the upper half of a float32
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U8": "|u1",
    "BOOL": "|b1",
}
_MAX_HEADER_BYTES = 100_000_000  # the format's own limit
_METADATA = "__metadata__"


def read(path: str) -> dict[str, np.ndarray]:
    """Reads all tensors of a safetensors file; bfloat16 becomes float32, which holds it exactly.

    Raises:
      UserError: If the file is missing, truncated, or not of this format.
    """
    try:
        with tf.io.gfile.GFile(path, "rb") as f:
            content = f.read()
    except tf.errors.NotFoundError:
        raise types.UserError(f"No such file: {path}.") from None
    header, start = _header(content, path)
    data = memoryview(content)[start:]
    return {
        name: _tensor(name, entry, data, path)
        for name, entry in header.items()
        if name != _METADATA
    }


def write(path: str, tensors: Mapping[str, np.ndarray]) -> None:
    """Writes float32 tensors, sorted by name, atomically, as a safetensors file for PyTorch."""
    header: dict[str, Any] = {_METADATA: {"format": "pt"}}
    offset = 0
    for name, array in sorted(tensors.items()):
        if array.dtype != np.float32:
            raise ValueError(f"{name} must be float32. Received: {array.dtype}.")
        limit = offset + array.nbytes
        header[name] = {"dtype": "F32", "shape": array.shape, "data_offsets": [offset, limit]}
        offset = limit
    text = json.dumps(header, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)  # the tensors begin at a multiple of 8
    with artifacts.atomic_path(path) as aside, tf.io.gfile.GFile(aside, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for _, array in sorted(tensors.items()):
            f.write(np.ascontiguousarray(array, "<f4").tobytes())


def _header(content: bytes, path: str) -> tuple[dict[str, Any], int]:
    size = struct.unpack_from("<Q", content)[0] if len(content) >= 8 else _MAX_HEADER_BYTES + 1
    if size > min(_MAX_HEADER_BYTES, len(content) - 8):
        raise types.UserError(f"{path} is not a safetensors file, or it was cut short.")
    try:
        header = json.loads(content[8 : 8 + size])
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise types.UserError(f"{path} has no valid safetensors header: {error}.") from None
    if not isinstance(header, dict):
        raise types.UserError(f"{path} has no valid safetensors header: it is not a JSON object.")
    return header, 8 + size


def _tensor(name: str, entry: Any, data: memoryview, path: str) -> np.ndarray:
    try:
        kind, shape, (start, limit) = entry["dtype"], entry["shape"], entry["data_offsets"]
        dtype = np.dtype(_DTYPES[kind])
        flat = np.frombuffer(data[start:limit], dtype)
        array = flat.reshape(shape)
    except (KeyError, TypeError, ValueError) as error:
        raise types.UserError(
            f"{path} is damaged or was cut short: tensor {name} cannot be read ({error})."
        ) from None
    if kind == "BF16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array
