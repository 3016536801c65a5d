# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Prints the tables of docs/parity.md: `python -m tests.parity.report [tiny] [base] [numpy]`."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import realm_tf  # noqa: F401  Chooses Keras 2, before TensorFlow is imported.

# isort: split
from tests.parity import comparisons


def main(oracles: Iterable[str]) -> None:
    """Prints one table row for each comparison."""
    print("| quantity | oracle | allowed | largest difference |\n|---|---|---|---|")
    for name in oracles:
        for group, rows in comparisons.GROUPS.items():
            for row in rows(name):
                print(
                    f"| {group}: {row.quantity} | {name} | {row.bound:.0e} | {row.difference:.1e} |"
                )


if __name__ == "__main__":
    main(sys.argv[1:] or ["tiny"])
