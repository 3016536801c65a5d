# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration: frozen dataclasses that are loaded, overridden, checked and dumped.

Nothing here imports TensorFlow. Lengths are in wordpieces with special tokens; steps are optimiser
steps. The defaults are the paper's (Guu et al., 2020), where the paper has the thing at all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from realm_tf import config_parsing
from realm_tf.config_corpus import CorpusConfig as CorpusConfig
from realm_tf.config_jobs import BlocksConfig as BlocksConfig
from realm_tf.config_jobs import JobsConfig as JobsConfig
from realm_tf.config_model import EmbedderConfig as EmbedderConfig
from realm_tf.config_model import EncoderConfig as EncoderConfig
from realm_tf.config_model import ModelConfig as ModelConfig
from realm_tf.config_model import OptimizerConfig as OptimizerConfig
from realm_tf.config_model import ReaderConfig as ReaderConfig
from realm_tf.config_run import EvaluationConfig as EvaluationConfig
from realm_tf.config_run import RuntimeConfig as RuntimeConfig
from realm_tf.config_tagging import SpanTaggerConfig as SpanTaggerConfig
from realm_tf.config_tagging import TaggingConfig as TaggingConfig

# Settings that change nothing in the result of a stage.
_OPERATIONAL = {"checkpoint_every_steps", "keep_snapshots", "max_staleness_steps", "on_stale"}


@dataclasses.dataclass(frozen=True)
class VocabConfig:
    """The WordPiece vocabulary: a given file, or one learned from the corpus."""

    file: str | None = None
    size: int = 30522
    lower_case: bool = True


@dataclasses.dataclass(frozen=True)
class InitConfig:
    """Weights to start from, made by `realm convert`; None: random ones."""

    embedder: str | None = None  # directory with embedder_weights or bert_weights
    reader: str | None = None  # directory with reader_weights or bert_weights
    tagger: str | None = None  # the same


@dataclasses.dataclass(frozen=True)
class IctConfig:
    """Inverse-cloze warm start (ORQA, Lee et al., 2019)."""

    steps: int = 100_000
    batch_size: int = 4096
    query_length: int = 64
    keep_probability: float = 0.1  # the query stays in its block this often
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=1e-4)
    checkpoint_every_steps: int = 1000


@dataclasses.dataclass(frozen=True)
class WarmupConfig:
    """Ours: readers without BERT's weights first learn plain salient MLM, then to copy.

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
    """When the trainer's embedder is exported and its blocks embedded again."""

    every_steps: int = 500
    keep_snapshots: int = 3
    max_staleness_steps: int | None = None
    on_stale: str = "warn"  # warn or stop

    def __post_init__(self) -> None:
        config_parsing.check(
            self.on_stale in ("warn", "stop"),
            f"refresh.on_stale must be warn or stop. Received: {self.on_stale!r}.",
        )


@dataclasses.dataclass(frozen=True)
class PretrainConfig:
    """Joint pre-training (paper section 3)."""

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
        config_parsing.check(
            self.objective in ("token", "span"),
            f"pretrain.objective must be token or span. Received: {self.objective!r}.",
        )
        config_parsing.check(
            self.num_candidates >= 2,
            "pretrain.num_candidates counts the null block and must be at least 2. Received:"
            f" {self.num_candidates}.",
        )


@dataclasses.dataclass(frozen=True)
class OpenQaConfig:
    """Fine-tuning to answer questions (paper section 4.3, ORQA)."""

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
        config_parsing.check(
            1 <= self.num_read <= self.num_searched,
            "open_qa.num_read must be from 1 to open_qa.num_searched. Received:"
            f" {self.num_read} and {self.num_searched}.",
        )


@dataclasses.dataclass(frozen=True)
class RetrievalConfig:
    """Vectors and index. Zeros of the ScaNN settings mean: chosen from the number of blocks.

    `embed_dtype` is what the exported embedder computes in, `dtype` what vectors are stored in.
    """

    index: str = "exact"
    num_leaves: int = 0
    num_leaves_to_search: int = 0
    num_reordering_candidates: int = 0
    dtype: str = "float32"
    embed_dtype: str = "float32"
    recall_floor: float = 0.9

    def __post_init__(self) -> None:
        config_parsing.check(
            self.index in ("exact", "scann"),
            f"retrieval.index must be exact or scann. Received: {self.index!r}.",
        )
        config_parsing.check(
            self.dtype in ("float32", "float16"),
            f"retrieval.dtype must be float32 or float16. Received: {self.dtype!r}.",
        )
        config_parsing.check(
            self.embed_dtype in ("float32", "bfloat16"),
            f"retrieval.embed_dtype must be float32 or bfloat16. Received: {self.embed_dtype!r}.",
        )


@dataclasses.dataclass(frozen=True)
class Config:
    """Everything that a run is decided by."""

    seed: int = 0
    corpus: CorpusConfig = CorpusConfig()  # noqa: RUF009 - it is frozen
    vocab: VocabConfig = VocabConfig()
    blocks: BlocksConfig = BlocksConfig()  # noqa: RUF009 - it is frozen
    jobs: JobsConfig = JobsConfig()  # noqa: RUF009 - it is frozen
    tagging: TaggingConfig = TaggingConfig()
    model: ModelConfig = ModelConfig()
    init: InitConfig = InitConfig()
    ict: IctConfig = IctConfig()
    pretrain: PretrainConfig = PretrainConfig()
    open_qa: OpenQaConfig = OpenQaConfig()
    span_tagger: SpanTaggerConfig = SpanTaggerConfig()
    retrieval: RetrievalConfig = RetrievalConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    runtime: RuntimeConfig = RuntimeConfig()

    def __post_init__(self) -> None:
        positions = min(
            self.model.embedder.encoder.max_positions, self.model.reader.encoder.max_positions
        )
        longest = {
            "blocks.length": self.blocks.length,
            "pretrain.query_length + blocks.length": self.pretrain.query_length
            + self.blocks.length,
            "open_qa.reader_length": self.open_qa.reader_length,
        }
        for name, length in longest.items():
            config_parsing.check(
                length <= positions,
                f"{name} is {length}, but the encoders have max_positions {positions}. Raise"
                " model.*.encoder.max_positions or lower the lengths.",
            )


def load(path: str | None, overrides: Sequence[str] = ()) -> Config:
    """Loads a YAML file (local), applies "a.b=value" overrides, and checks the result.

    Args:
      path: YAML file, or None for the defaults.
      overrides: Each "key.key=value"; the value is read as YAML.

    Raises:
      UserError: Missing file, bad YAML, an unknown key (with the nearest valid one), a wrong type,
        or a value out of range.
    """
    values: dict[str, Any] = {}
    if path is not None:
        values = config_parsing.read_yaml(path)
    for override in overrides:
        config_parsing.apply_override(values, override)
    return from_dict(Config, values)


def from_dict(cls: type, values: Mapping[str, Any]) -> Any:
    """Makes the dataclass `cls` from nested dicts: the inverse of `to_dict`.

    Raises:
      UserError: As `load`.
    """
    return config_parsing.from_dict(cls, values)


def to_dict(config: Any) -> dict[str, Any]:
    """The configuration as nested dicts, lists and scalars: what `from_dict` takes."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {k: plain(v) for k, v in value.items()}
        return list(value) if isinstance(value, tuple) else value

    return plain(dataclasses.asdict(config))


def decisive(config: Any) -> dict[str, Any]:
    """`to_dict` without what only says when to save, to keep or to warn: what decides a result."""

    def without(values: dict[str, Any]) -> dict[str, Any]:
        return {
            key: without(value) if isinstance(value, dict) else value
            for key, value in values.items()
            if key not in _OPERATIONAL
        }

    return without(to_dict(config))


def dump(config: Config) -> str:
    """The whole configuration as YAML text that `load` reads back."""
    return yaml.safe_dump(to_dict(config), sort_keys=False)
