# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The ScaNN search layer and its settings: leaves, searched leaves, reordered results.

TFRS's own defaults lose a third of the neighbours at 100,000 blocks, because they reorder nothing.
With 316 leaves, 7 searched and 200 reordered recall@8 is 0.99 there; so it is at a million blocks
with 2,000 leaves, 50 searched and 200 reordered.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import tensorflow as tf
from scann import scann_ops
from tensorflow_recommenders.layers import factorized_top_k

from realm_tf import config

MIN_BLOCKS = 16  # asymmetric hashing trains 16 centres


@dataclasses.dataclass(frozen=True)
class ScannSettings:
    """ScaNN's settings, which trade recall for speed: leaves, leaves searched and reordering."""

    num_leaves: int
    num_leaves_to_search: int
    num_reordering_candidates: int

    def wider(self) -> ScannSettings | None:
        """ScaNN's settings for a search twice as wide; None beyond half of the leaves."""
        searched = 2 * self.num_leaves_to_search
        if searched > self.num_leaves // 2:
            return None
        return ScannSettings(self.num_leaves, searched, 2 * self.num_reordering_candidates)


class ScannTopK(factorized_top_k.ScaNN):
    """The ScaNN layer of TFRS, changed so that a trained index can be searched wider.

    TFRS fixes the width when it trains; ScaNN takes it with every search.

    Args:
      settings: Settings of the search; all but the number of leaves may be changed before tracing.
    """

    def __init__(self, settings: ScannSettings):
        super().__init__(**dataclasses.asdict(settings))
        self.settings = settings

    def call(self, queries: tf.Tensor, k: Any = None) -> tuple[tf.Tensor, tf.Tensor]:
        """Searches the ScaNN index for the best blocks of each query.

        Args:
          queries: Query vectors <float32>[batch_size, embed_dim].
          k: Number of blocks for each query, at most as many as are reordered.

        Returns:
          Scores <float32>[batch_size, k] and rows <int32>[batch_size, k]; fewer columns, or row 0
          with a score of NaN, where fewer were found.
        """
        # Private to TFRS, whose own call cannot search as many leaves as the settings say. If it is
        # renamed, every search of scann_layer_test.py fails.
        searcher = scann_ops.searcher_from_module(self._serialized_searcher)
        found = searcher.search_batched_parallel(
            queries,
            final_num_neighbors=k,
            pre_reorder_num_neighbors=self.settings.num_reordering_candidates,
            leaves_to_search=self.settings.num_leaves_to_search,
        )
        return found.distances, found.indices


def choose(num_blocks: int, k: int, retrieval: config.RetrievalConfig) -> ScannSettings:
    """Chooses the ScaNN settings that are 0 in the configuration from the number of blocks.

    About sqrt(N) leaves, of which 2.5% are searched, and at least 8; small corpora get fewer
    leaves, because a leaf must hold enough blocks to be worth leaving out.

    Args:
      num_blocks: Number of blocks in the index.
      k: Results of the deepest search. ScaNN never returns more than it reorders, and its recall
        falls as k nears that number, so at least 2k are reordered, whatever was asked for.
      retrieval: Configuration of the index; its settings that are not 0 are kept.
    """
    leaves = retrieval.num_leaves or _default_leaves(num_blocks)
    leaves = max(1, min(leaves, num_blocks // 2))
    searched = retrieval.num_leaves_to_search or max(8, round(0.025 * leaves))
    reordered = retrieval.num_reordering_candidates or max(200, 2 * k)
    return ScannSettings(leaves, min(searched, leaves), max(reordered, 2 * k))


def _default_leaves(num_blocks: int) -> int:
    if num_blocks < 2_000:
        return num_blocks // 100
    return round(math.sqrt(num_blocks) * (2 if num_blocks > 500_000 else 1))
