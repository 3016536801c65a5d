# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of the block vectors and of the ScaNN or exact index over them."""

from __future__ import annotations

import dataclasses

from realm_tf.config import parsing


@dataclasses.dataclass(frozen=True)
class RetrievalConfig:
    """Configuration of block vectors and index. ScaNN settings of 0 follow the number of blocks.

    `embed_dtype` is what the exported embedder computes in, `dtype` what vectors are stored in. The
    embedder reads `embed_batch_size` blocks at a time.
    """

    index: str = "exact"
    num_leaves: int = 0
    num_leaves_to_search: int = 0
    num_reordering_candidates: int = 0
    dtype: str = "float32"
    embed_dtype: str = "float32"
    embed_batch_size: int = 64
    recall_floor: float = 0.9

    def __post_init__(self) -> None:
        parsing.check(
            self.embed_batch_size >= 1,
            f"retrieval.embed_batch_size must be at least 1. Received: {self.embed_batch_size}.",
        )
        parsing.check(
            self.index in ("exact", "scann"),
            f"retrieval.index must be exact or scann. Received: {self.index!r}.",
        )
        parsing.check(
            self.dtype in ("float32", "float16"),
            f"retrieval.dtype must be float32 or float16. Received: {self.dtype!r}.",
        )
        parsing.check(
            self.embed_dtype in ("float32", "bfloat16"),
            f"retrieval.embed_dtype must be float32 or bfloat16. Received: {self.embed_dtype!r}.",
        )
