# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of the networks (encoder, embedder, reader) and of their optimiser."""

from __future__ import annotations

import dataclasses

from realm_tf.config import parsing


@dataclasses.dataclass(frozen=True)
class EncoderConfig:
    """Configuration of a BERT encoder: sizes, dropout, activation and initialisation.

    `activation` is "gelu_erf" (BERT checkpoints) or "gelu_tanh". `initializer` is "bert"; or, for
    small encoders that start from random weights, "mimetic" (embedders) or "induction" (readers):
    see the modules of these names in `models`.
    """

    hidden_size: int = 768
    num_layers: int = 12
    num_heads: int = 12
    intermediate_size: int = 3072
    max_positions: int = 512
    type_vocab_size: int = 2
    activation: str = "gelu_erf"
    dropout: float = 0.1
    attention_dropout: float = 0.1
    layer_norm_epsilon: float = 1e-12
    initializer: str = "bert"
    initializer_range: float = 0.02

    def __post_init__(self) -> None:
        parsing.check(
            self.hidden_size % self.num_heads == 0,
            f"encoder.hidden_size must be a multiple of num_heads. Received: {self.hidden_size}"
            f" and {self.num_heads}.",
        )
        parsing.check(
            self.activation in ("gelu_erf", "gelu_tanh"),
            f"encoder.activation must be gelu_erf or gelu_tanh. Received: {self.activation!r}.",
        )
        head_size = self.hidden_size // self.num_heads
        parsing.check(
            self.initializer in ("bert", "mimetic", "induction"),
            "encoder.initializer must be bert, mimetic or induction. Received:"
            f" {self.initializer!r}.",
        )
        parsing.check(
            self.initializer != "induction"
            or (min(self.num_layers, self.num_heads) >= 2 and head_size % 2 == 0),
            "encoder.initializer induction needs 2 layers, 2 heads or more, and heads of an even"
            f" size. Received: {self.num_layers} layers, {self.num_heads} heads of {head_size}.",
        )


@dataclasses.dataclass(frozen=True)
class EmbedderConfig:
    """Configuration of the retriever's embedder: pooling, projection and LayerNorm (section 3.2).

    `pooling` is "cls", the tanh-pooled [CLS], or "mean", the mean of the last layer over all
    wordpieces, as Sentence-BERT's (Reimers and Gurevych, 2019, section 3). Without a
    `projection_size` the pooled vector is not projected. `normalisation` is "layer_norm", "l2"
    (unit length) or "none".
    """

    encoder: EncoderConfig = EncoderConfig()
    pooling: str = "cls"
    projection_size: int | None = 128
    normalisation: str = "layer_norm"
    projection_epsilon: float = 1e-3
    dropout: float = 0.1
    two_towers: bool = False

    def __post_init__(self) -> None:
        parsing.check(
            self.pooling in ("cls", "mean"),
            f"embedder.pooling must be cls or mean. Received: {self.pooling!r}.",
        )
        parsing.check(
            self.projection_size is None or self.projection_size >= 1,
            "embedder.projection_size must be at least 1, or null for no projection. Received:"
            f" {self.projection_size}.",
        )
        parsing.check(
            self.normalisation in ("layer_norm", "l2", "none"),
            "embedder.normalisation must be layer_norm, l2 or none. Received:"
            f" {self.normalisation!r}.",
        )

    @property
    def embed_dim(self) -> int:
        """Size of a query or block vector."""
        return self.projection_size or self.encoder.hidden_size


@dataclasses.dataclass(frozen=True)
class ReaderConfig:
    """Configuration of the knowledge-augmented encoder and of open QA's span head (section 3.2)."""

    encoder: EncoderConfig = EncoderConfig()
    max_span_width: int = 10
    span_size: int = 256
    span_epsilon: float = 1e-3


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Configuration of both networks: the embedder and the reader."""

    embedder: EmbedderConfig = EmbedderConfig()
    reader: ReaderConfig = ReaderConfig()


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """Configuration of the optimiser: AdamW with linear warm-up and decay, as BERT's."""

    learning_rate: float = 1e-4
    warmup_steps: int | None = None  # None: min(10000, max(100, steps / 10))
    weight_decay: float = 0.01
    clip_norm: float = 1.0
