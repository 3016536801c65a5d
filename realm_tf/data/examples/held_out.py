# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Held-out data, by hash of the document: the same documents whatever the corpus around them."""

from __future__ import annotations

import numpy as np

_MIX = np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing; keeps this draw apart from sharding


def is_held_out(doc_keys: np.ndarray, fraction: float) -> np.ndarray:
    """Which documents are held out.

    Args:
      doc_keys: <uint64>[n] hashes of document ids (`blocks.doc_key`).
      fraction: Expected share of held-out documents, 0 to 1.

    Returns:
      <bool>[n].
    """
    draw = (doc_keys.astype(np.uint64) * _MIX) >> np.uint64(40)  # 24 well-mixed bits
    return draw < np.uint64(round(fraction * (1 << 24)))
