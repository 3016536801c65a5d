# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of the block vectors, of the index over them, and of retrieval by words."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from realm_tf.config import ranges


@dataclasses.dataclass(frozen=True)
class FusionConfig(ranges.Section):
    """Retrieval by words (BM25), and its fusion with the dense one; both are measured beside it."""

    serve: bool = ranges.setting(
        False,
        "Whether questions are answered from the fusion of BM25 and the fine-tuned retriever, in"
        " evaluation, calibration and export; false: from the latter alone. See"
        " [evaluation.md](evaluation.md#which-retriever-answers).",
    )
    max_blocks: int = ranges.setting(
        200_000,
        "Largest number of blocks with which BM25 is built, in memory, to be measured beside other"
        " retrievers or to train with; with more, it is left out of what is measured. `serve`"
        " builds it for any number. 0: never.",
        at_least=0,
    )
    k1: float = ranges.setting(
        0.9, "How much it counts that a block holds a word several times.", at_least=0
    )
    b: float = ranges.setting(
        0.4, "How much it counts against a block that it is long.", at_least=0, at_most=1
    )
    depth: int = ranges.setting(
        1000,
        "Number of blocks of either ranking that the fusion takes; what stands deeper in the dense"
        " one comes after all of these.",
        at_least=1,
    )
    rank_constant: float = ranges.setting(
        60.0,
        "Constant c of reciprocal rank fusion: a block scores the sum of 1 / (c + place) over the"
        " rankings.",
        at_least=0,
    )


@dataclasses.dataclass(frozen=True)
class RetrievalConfig(ranges.Section):
    """Block vectors and index. Settings of ScaNN and ivf that are 0 are chosen when it is built."""

    index: str = ranges.setting("exact", "Kind of the index.", choices=("exact", "scann", "ivf"))
    num_leaves: int = ranges.setting(
        0,
        "Number of leaves of ScaNN or ivf; 0: about the square root of the number of blocks (ivf:"
        " four times that).",
        at_least=0,
    )
    num_leaves_to_search: int = ranges.setting(
        0,
        "Number of leaves that every search looks at; at each depth more, if the recall needs it.",
        at_least=0,
    )
    num_reordering_candidates: int = ranges.setting(
        0,
        "Number of candidates that every search of ScaNN reorders; at each depth more, if the"
        " recall needs it.",
        at_least=0,
    )
    dtype: str = ranges.setting(
        "float32",
        "Number type of the vectors on disk and in the index.",
        choices=("float32", "float16", "int8"),
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
        0.0,
        "Recall that ScaNN and ivf must have at every depth that is searched; a depth that does not"
        " reach it is searched exactly. 0: 0.99 down to 10 blocks, 0.95 down to 100, 0.9 below.",
        at_least=0,
        at_most=1,
    )
    tuning_seconds: float = ranges.setting(
        120.0,
        "Time in which a build of ScaNN or ivf looks for the cheapest searches that reach the"
        " floor.",
        above=0,
    )
    fusion: FusionConfig = FusionConfig()

    max_delta_fraction: float = ranges.setting(
        0.2,
        "Rows that changes of documents have added or deleted, as a share of the rows of the base,"
        " above which the layers are merged into a new base.",
        at_least=0,
    )

    keep_revisions: int | None = ranges.setting(
        None,
        "Number of newest revisions of a snapshot that stay when its documents are changed; null:"
        " all ([documents.md](documents.md#old-revisions)).",
        at_least=1,
    )
    keep_revision_hours: float = ranges.setting(
        0.0,
        "Hours that every revision stays, besides those newest ones.",
        at_least=0,
        at_most=1_000_000,
    )

    def faults(self) -> Iterator[str]:
        """See `Section`."""
        if 0 < self.num_leaves < self.num_leaves_to_search:
            yield (
                "num_leaves_to_search must be at most num_leaves. Received:"
                f" {self.num_leaves_to_search} and {self.num_leaves}."
            )
