# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Arrays as `.npy` files: written as a whole or in pieces, and mapped."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from realm_tf import types
from realm_tf.artifacts import files, gfile, local_copies


def write_array(path: str, array: np.ndarray) -> None:
    """Writes an array as a `.npy` file, atomically, to any filesystem."""
    with files.atomic_path(path) as aside, gfile.GFile(aside, "wb") as f:
        np.lib.format.write_array(f, np.asarray(array, order="C"), allow_pickle=False)


def write_pieces(
    path: str, pieces: Iterable[np.ndarray], shape: tuple[int, ...], dtype: str
) -> None:
    """Writes a `.npy` file, as `write_array`, from pieces of the array's first dimension.

    Args:
      path: Path of the file.
      pieces: Arrays <dtype>[any, ...].
      shape: Shape of the whole.
      dtype: Number type.
    """
    header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
    with files.atomic_path(path) as aside, gfile.GFile(aside, "wb") as f:
        np.lib.format.write_array_header_1_0(f, header)
        for piece in pieces:
            f.write(np.ascontiguousarray(piece).tobytes())


def map_array(path: str) -> np.ndarray:
    """Memory-maps a `.npy` file; a remote one is copied to a local cache first.

    Copy-on-write, because only an array that may be written to can be shared with TensorFlow.

    Raises:
      UserError: If it is missing.
    """
    try:
        mapped = np.load(local_copies.localise(path), mmap_mode="c", allow_pickle=False)
    except FileNotFoundError:
        raise types.UserError(
            f"No such file: {path}. It is gone since its segment was opened, as old snapshots are."
            " Open the newest one."
        ) from None
    array: np.ndarray = np.asarray(mapped)  # still mapped; slices of an np.memmap are slow
    return array
