# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of the block vectors and of the ScaNN or exact index over them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from realm_tf.config import ranges


@dataclasses.dataclass(frozen=True)
class RetrievalConfig(ranges.Section):
    """Block vectors and index. Settings of ScaNN that are 0 follow the number of blocks."""

    index: str = ranges.setting("exact", "Kind of the index.", choices=("exact", "scann"))
    num_leaves: int = ranges.setting(
        0,
        "Number of leaves of ScaNN; 0: about the square root of the number of blocks.",
        at_least=0,
    )
    num_leaves_to_search: int = ranges.setting(
        0,
        "Number of leaves that ScaNN searches; 0: 2.5% of the leaves, at least 8.",
        at_least=0,
    )
    num_reordering_candidates: int = ranges.setting(
        0, "Number of candidates that ScaNN reorders; 0: 200.", at_least=0
    )
    dtype: str = ranges.setting(
        "float32", "Number type of the vectors on disk.", choices=("float32", "float16")
    )
    embed_dtype: str = ranges.setting(
        "float32",
        "Number type in which the exported embedder computes, for blocks and for the queries of"
        " retrieval.",
        choices=("float32", "bfloat16"),
    )
    embed_batch_size: int = ranges.setting(
        64, "Number of blocks that the embedding job gives to the embedder at a time.", at_least=1
    )
    recall_floor: float = ranges.setting(
        0.9,
        "Recall below which the search of ScaNN is widened, and in the end replaced by exact"
        " search.",
        at_least=0,
        at_most=1,
    )

    def faults(self) -> Iterator[str]:
        """See `Section`."""
        if 0 < self.num_leaves < self.num_leaves_to_search:
            yield (
                "num_leaves_to_search must be at most num_leaves. Received:"
                f" {self.num_leaves_to_search} and {self.num_leaves}."
            )
