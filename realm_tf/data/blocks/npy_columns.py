# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""One-dimensional .npy files that are written by appending and read by memory-mapping."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import numpy as np

from realm_tf import artifacts


class NpyWriter:
    """Appends values to a one-dimensional .npy file of any length, in bounded memory.

    Args:
      path: Local file; written anew.
      dtype: Of the values.
    """

    def __init__(self, path: str, dtype: Any):
        self._dtype = np.dtype(dtype)
        self._file = open(path, "wb")  # noqa: SIM115 - closed by `close`
        self._length = 0
        self._write_header()

    def append(self, values: Any) -> None:
        """Adds values at the end.

        Raises:
          OverflowError: If a value does not fit the column's dtype.
        """
        # A list's number that does not fit raises here; an array's would be cut silently.
        array = np.asarray(values, None if isinstance(values, np.ndarray) else self._dtype)
        if array.dtype != self._dtype:
            cast = array.astype(self._dtype)
            if (cast != array).any():
                raise OverflowError(f"Values up to {array.max()} do not fit {self._dtype}.")
            array = cast
        self._file.write(array.tobytes())
        self._length += array.size

    def close(self) -> None:
        """Completes the file."""
        self._file.seek(0)
        self._write_header()
        self._file.close()

    def __enter__(self) -> NpyWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _write_header(self) -> None:
        # NumPy pads a header so that it has the same size whatever the length of the first axis.
        head = {"descr": self._dtype.str, "fortran_order": False, "shape": (self._length,)}
        np.lib.format.write_array_header_1_0(self._file, head)


def open_npy(path: str) -> np.ndarray:
    """Memory-maps a .npy file; a remote one is copied to a local cache first."""
    array: np.ndarray = np.asarray(  # still mapped; slices of an np.memmap are slow
        np.load(artifacts.localise(path), mmap_mode="r", allow_pickle=False)
    )
    return array
