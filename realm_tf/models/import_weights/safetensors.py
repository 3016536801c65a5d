# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads and writes safetensors files by the package safetensors, without PyTorch.

Nothing in such a file can run. NumPy has no bfloat16, so the package cannot make an array of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from realm_tf import artifacts, types
from realm_tf.artifacts import gfile

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


def read(path: str) -> dict[str, np.ndarray]:
    """Reads all tensors of a safetensors file; bfloat16 becomes float32, which holds it exactly.

    Raises:
      UserError: If the file is missing, damaged, cut short, or not of this format; or if a tensor
        has a type that NumPy has not.
    """
    try:
        with gfile.GFile(path, "rb") as f:
            tensors = safetensors.deserialize(f.read())
    except FileNotFoundError:
        raise types.UserError(f"No such file: {path}.") from None
    except safetensors.SafetensorError as error:
        raise types.UserError(
            f"{path} is not a safetensors file, or it is damaged or was cut short: {error}."
        ) from error
    return {name: _array(name, tensor, path) for name, tensor in tensors}


def write(path: str, tensors: Mapping[str, np.ndarray]) -> None:
    """Writes float32 tensors, sorted by name, atomically, as a safetensors file for PyTorch."""
    for name, array in tensors.items():
        if array.dtype != np.float32:
            raise ValueError(f"{name} must be float32. Received: {array.dtype}.")
    whole = {
        name: np.ascontiguousarray(array).reshape(array.shape) for name, array in tensors.items()
    }
    content = safetensors.numpy.save(whole, metadata={"format": "pt"})
    with artifacts.atomic_path(path) as aside, gfile.GFile(aside, "wb") as f:
        f.write(content)


def _array(name: str, tensor: Mapping[str, Any], path: str) -> np.ndarray:
    if tensor["dtype"] not in _DTYPES:
        raise types.UserError(
            f"{path}: tensor {name} cannot be read: its type is {tensor['dtype']}. Known types:"
            f" {', '.join(_DTYPES)}."
        )
    array = np.frombuffer(tensor["data"], _DTYPES[tensor["dtype"]]).reshape(tensor["shape"])
    if tensor["dtype"] == "BF16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array
