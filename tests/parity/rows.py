# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Comparisons as rows: what was compared, and the largest difference."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

# Largest absolute differences in float32.
VECTORS, LOSS, GRADIENT, EXACT = 2e-5, 1e-5, 1e-6, 0.0


class Row(NamedTuple):
    """One comparison.

    Attributes:
      quantity: What was compared.
      bound: The largest difference that passes.
      difference: The largest that was found.
    """

    quantity: str
    bound: float
    difference: float

    @property
    def passes(self) -> bool:
        """False, too, where the difference is not a number."""
        return self.difference <= self.bound


def compare(quantity: str, bound: float, one: Any, other: Any) -> Row:
    """The row of two arrays of one shape."""
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    if one.shape != other.shape:
        raise ValueError(f"{quantity}: the shapes {one.shape} and {other.shape} differ.")
    return Row(quantity, bound, float(np.abs(one - other).max()))
