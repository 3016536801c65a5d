# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of the data jobs: what they make, and how they work."""

from __future__ import annotations

import dataclasses

from realm_tf import config_parsing


@dataclasses.dataclass(frozen=True)
class BlocksConfig:
    """How documents become blocks (paper section 4; ORQA packs greedily to 288).

    `template` is what the embedder reads of a block: "title_body", `[CLS] title [SEP] body [SEP]`,
    or "body", `[CLS] body [SEP]`, for embedders that were trained on plain texts. A block begins
    with up to `overlap_sentences` of the block before it, as far as they leave room.
    """

    length: int = 288
    template: str = "title_body"
    language: str = "en"
    num_shards: int = 8
    overlap_sentences: int = 0

    def __post_init__(self) -> None:
        config_parsing.check(
            self.length >= 16, f"blocks.length must be at least 16. Received: {self.length}."
        )
        config_parsing.check(
            self.num_shards >= 1, f"blocks.num_shards must be >= 1. Got: {self.num_shards}."
        )
        config_parsing.check(
            self.overlap_sentences >= 0,
            f"blocks.overlap_sentences must be >= 0. Received: {self.overlap_sentences}.",
        )
        config_parsing.check(
            self.template in ("title_body", "body"),
            f"blocks.template must be title_body or body. Received: {self.template!r}.",
        )


@dataclasses.dataclass(frozen=True)
class JobsConfig:
    """How the data jobs work; nothing here changes what they make.

    `max_bad_fraction` of the records of an input may be unusable: they become dead letters, and
    the job goes on. `wave_size` items of work are one pipeline of the local runner.
    """

    max_bad_fraction: float = 0.0
    wave_size: int = 64
    sort_mb: int = 32  # of documents that a worker sorts in memory

    def __post_init__(self) -> None:
        config_parsing.check(
            0 <= self.max_bad_fraction <= 1,
            f"jobs.max_bad_fraction must be from 0 to 1. Received: {self.max_bad_fraction}.",
        )
        for name in ("wave_size", "sort_mb"):
            value = getattr(self, name)
            config_parsing.check(value >= 1, f"jobs.{name} must be >= 1. Received: {value}.")
