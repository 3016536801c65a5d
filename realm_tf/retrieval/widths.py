# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How wide an approximate search is: one width for each depth that an index was measured at.

ScaNN and `ivf` take their width with every call, so one index serves shallow and deep searches,
each as cheap as its recall allows.
"""

from __future__ import annotations

import bisect
import dataclasses
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf


class Width(NamedTuple):
    """What a search looks at.

    Attributes:
      num_leaves_to_search: Number of leaves whose vectors are scored.
      num_reordering_candidates: Number of the best of these that are scored again, exactly; 0 where
        all scores are exact at once (`ivf`).
    """

    num_leaves_to_search: int
    num_reordering_candidates: int = 0


@dataclasses.dataclass(frozen=True)
class WidthTable:
    """The widths of an index by depth.

    Attributes:
      widths: Depth to width, ascending; None: at this depth no width is good enough, and the search
        has to be exact.
      everything: The width at which all leaves are searched and all blocks are reordered.
    """

    widths: Mapping[int, Width | None]
    everything: Width

    def at(self, k: int) -> Width | None:
        """The width for the best k blocks: that of the next depth; beyond the last, in proportion.

        Args:
          k: Number of blocks for each query.
        """
        depths = list(self.widths)
        place = bisect.bisect_left(depths, k)
        if place < len(depths):
            return self.widths[depths[place]]
        last = self.widths[depths[-1]]
        if last is None:
            return None
        scaled = Width(*(math.ceil(number * k / depths[-1]) for number in last))
        return Width(*map(min, scaled, self.everything))

    def in_graph(self, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The two numbers of `at` in a graph, <int32>[], where every search is approximate.

        Where the search has to be exact, or is deeper than the last depth, it goes through
        everything.

        Args:
          k: Number of blocks for each query, <int32>[].
        """
        rows = [width or self.everything for width in self.widths.values()]
        place = tf.searchsorted(tf.constant(list(self.widths), tf.int32), [k])[0]
        found = tf.gather(tf.constant([*rows, self.everything], tf.int32), place)
        return found[0], found[1]

    def to_json(self) -> dict[str, Any]:
        """What the settings of a segment hold: depth as text to two numbers, or null."""
        return {str(k): None if width is None else list(width) for k, width in self.widths.items()}

    @classmethod
    def from_json(cls, body: Mapping[str, Any], everything: Width) -> WidthTable:
        """Reads what `to_json` wrote."""
        read = {int(k): None if width is None else Width(*width) for k, width in body.items()}
        return cls(dict(sorted(read.items())), everything)
