# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Gives the memory of models that nothing uses any more back to the system."""

from __future__ import annotations

import ctypes
import gc


def release() -> None:
    """Frees what only refers to itself, as a SavedModel's parts do, and returns free pages.

    The C library keeps freed memory below the highest piece that is in use, and every version
    would leave other such pieces behind. glibc alone has the call; with another library this only
    frees.
    """
    gc.collect()
    if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)
