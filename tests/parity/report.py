# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Prints a table of docs/parity.md: `python -m tests.parity.report [tiny] [base] [numpy]`.

"tiny" and "base" need the PyTorch port's numbers beside the repository; "numpy" stands alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import realm_tf  # noqa: F401  Chooses Keras 2, before TensorFlow is imported.

# isort: split
from tests.parity import comparisons, numpy_cases, numpy_comparisons, rows


def _rows(name: str) -> Iterator[tuple[str, str, rows.Row]]:
    """Yields oracle, group and row."""
    if name == "numpy":
        for shape in numpy_cases.SHAPES:
            for group, compare in numpy_comparisons.GROUPS.items():
                yield from ((f"{name}, {shape}", group, row) for row in compare(shape))
    else:
        for group, compare in comparisons.GROUPS.items():
            yield from ((name, group, row) for row in compare(name))


def main(names: list[str]) -> None:
    """Prints one line for each comparison."""
    print("| oracle | quantity | allowed | largest difference |\n|---|---|---|---|")
    for name in names:
        for oracle, group, row in _rows(name):
            numbers = f"{row.bound:.0e} | {row.difference:.1e}" if row.bound else "0 | "
            numbers += "" if row.bound else f"{row.difference:.1g}"
            print(f"| {oracle} | {group}: {row.quantity} | {numbers} |")


if __name__ == "__main__":
    main(sys.argv[1:] or ["numpy"])
