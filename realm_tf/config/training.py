# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of the training experiments, and of the weights that they start from."""

from __future__ import annotations

import dataclasses

from realm_tf.config import parsing
from realm_tf.config.model import OptimizerConfig


@dataclasses.dataclass(frozen=True)
class InitConfig:
    """Configuration of the weights to start from, made by `realm convert`; None: random weights."""

    embedder: str | None = None  # directory with embedder_weights or bert_weights
    reader: str | None = None  # directory with reader_weights or bert_weights
    tagger: str | None = None  # the same


@dataclasses.dataclass(frozen=True)
class IctConfig:
    """Configuration of the inverse-cloze warm start of the embedder (ORQA, Lee et al., 2019)."""

    steps: int = 100_000
    batch_size: int = 4096
    query_length: int = 64
    keep_probability: float = 0.1  # the query stays in its block this often
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=1e-4)
    checkpoint_every_steps: int = 1000


@dataclasses.dataclass(frozen=True)
class WarmupConfig:
    """Configuration of the warm-up that a reader without BERT's weights needs (not in the paper).

    The first phase reads the null block, the second the example's own unmasked block, until the
    held-out copy accuracy (masked wordpieces predicted right from the own unmasked block) reaches
    `copy_accuracy`. If `max_steps` pass without it, joint training does not start.
    """

    null_steps: int = 0
    max_steps: int = 0
    batch_size: int = 32
    copy_accuracy: float = 0.8
    substitute: float = 0.0  # in the second phase, so often the answer becomes a random wordpiece
    distract: float = 0.0  # in the second phase, share of batches that read other examples' blocks
    check_every_steps: int = 100
    learning_rate: float = 1e-3


@dataclasses.dataclass(frozen=True)
class RefreshConfig:
    """Configuration of the refresh: when the embedder is exported and blocks are embedded again."""

    every_steps: int = 500
    keep_snapshots: int = 3
    max_staleness_steps: int | None = None
    on_stale: str = "warn"  # warn or stop

    def __post_init__(self) -> None:
        parsing.check(
            self.on_stale in ("warn", "stop"),
            f"refresh.on_stale must be warn or stop. Received: {self.on_stale!r}.",
        )


@dataclasses.dataclass(frozen=True)
class PretrainConfig:
    """Configuration of the joint pre-training of retriever and reader (paper section 3)."""

    steps: int = 200_000
    batch_size: int = 512
    query_length: int = 96
    num_candidates: int = 8  # the null block included
    max_masks: int = 10
    objective: str = "token"  # token: the original code; span: the paper
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=3e-5)
    retriever_learning_rate: float | None = None  # None: the same as the reader's
    warmup: WarmupConfig = WarmupConfig()
    refresh: RefreshConfig = RefreshConfig()
    checkpoint_every_steps: int = 500

    def __post_init__(self) -> None:
        parsing.check(
            self.objective in ("token", "span"),
            f"pretrain.objective must be token or span. Received: {self.objective!r}.",
        )
        parsing.check(
            self.num_candidates >= 2,
            "pretrain.num_candidates counts the null block and must be at least 2. Received:"
            f" {self.num_candidates}.",
        )


@dataclasses.dataclass(frozen=True)
class OpenQaConfig:
    """Configuration of the fine-tuning to answer questions (paper section 4.3, ORQA)."""

    steps: int = 10_000
    batch_size: int = 1
    query_length: int = 64
    reader_length: int = 320
    num_searched: int = 5000
    num_read: int = 5
    max_answers: int = 16  # answer occurrences per block that the loss can use
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=1e-5)
    checkpoint_every_steps: int = 500

    def __post_init__(self) -> None:
        parsing.check(
            1 <= self.num_read <= self.num_searched,
            "open_qa.num_read must be from 1 to open_qa.num_searched. Received:"
            f" {self.num_read} and {self.num_searched}.",
        )
