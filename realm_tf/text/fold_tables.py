# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""NFD and lower case as tables of characters, by which a graph folds texts as Python does.

Whatever runs the graph has another version of Unicode, or none. A text folds in three steps: every
character to those of `folded`; marks between two other characters into the order of their combining
classes (Unicode Standard Annex #15); and capital sigma, alone of all characters by what stands
beside it, to one of the two small ones, as `str.lower` does.
"""

from __future__ import annotations

import functools
import sys
import unicodedata
from collections.abc import Iterator

import numpy as np

CAPITAL_SIGMA, FINAL_SIGMA, SIGMA = 0x3A3, 0x3C2, 0x3C3
MOST = 4  # characters that one becomes

# Beside the combining class, which is below 256.
CASED, IGNORED = 256, 512


@functools.cache
def folded() -> tuple[np.ndarray, np.ndarray]:
    """The characters that become others in NFD and lower case, but for capital sigma.

    Returns:
      Characters <int32>[n], ascending, and what they become, <int32>[n, 4]; -1 is padding.
    """
    found = {
        code: [*map(ord, text)]
        for code in _assigned()
        for text in [unicodedata.normalize("NFD", chr(code)).lower()]
        if text != chr(code) and code != CAPITAL_SIGMA
    }
    rows = [[*codes, *[-1] * (MOST - len(codes))] for codes in found.values()]
    return np.array([*found], np.int32), np.array(rows, np.int32)


@functools.cache
def properties() -> tuple[np.ndarray, np.ndarray]:
    """Characters with a combining class, and those that decide which small sigma is meant.

    Of the latter, `CASED` ones have two cases, and `IGNORED` ones are looked past.

    Returns:
      Characters <int32>[n], ascending, and their combining class, plus `CASED` or `IGNORED`,
      <int32>[n].
    """
    found = {}
    for code in _assigned():
        character, sigma = chr(code), chr(FINAL_SIGMA)
        of = unicodedata.combining(character)
        # Python does not tell them, but for what becomes of a sigma behind them.
        if f"{character}\u03a3".lower().endswith(sigma):
            of += CASED
        elif f"A{character}\u03a3".lower().endswith(sigma):
            of += IGNORED
        if of:
            found[code] = of
    return np.array([*found], np.int32), np.array([*found.values()], np.int32)


def _assigned() -> Iterator[int]:
    """Characters that Unicode has, without private ones; the others become nothing else."""
    codes = range(sys.maxunicode + 1)
    return (code for code in codes if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs"))
