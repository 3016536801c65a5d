# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of the networks (encoder, embedder, reader) and of their optimiser."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from realm_tf.config import ranges

MAX_LEARNED_SCALE = 100.0  # as in CLIP (Radford et al., 2021, section 2.5)


@dataclasses.dataclass(frozen=True)
class EncoderConfig(ranges.Section):
    """A BERT encoder: sizes, dropout, activation and initialisation."""

    hidden_size: int = ranges.setting(
        768, "Size of the hidden states; a multiple of `num_heads`.", at_least=1
    )
    num_layers: int = ranges.setting(12, "Number of layers.", at_least=1)
    num_heads: int = ranges.setting(12, "Number of attention heads.", at_least=1)
    intermediate_size: int = ranges.setting(
        3072, "Inner size of the feed-forward layers.", at_least=1
    )
    max_positions: int = ranges.setting(512, "Length of the longest input.", at_least=16)
    type_vocab_size: int = ranges.setting(
        2, "Number of segment ids; what reads pairs of texts needs 2.", at_least=1
    )
    activation: str = ranges.setting(
        "gelu_erf",
        "Activation function; BERT's checkpoints have `gelu_erf`.",
        choices=("gelu_erf", "gelu_tanh"),
    )
    dropout: float = ranges.setting(0.1, "Dropout on the hidden states.", at_least=0, below=1)
    attention_dropout: float = ranges.setting(
        0.1, "Dropout on the attention weights.", at_least=0, below=1
    )
    layer_norm_epsilon: float = ranges.setting(
        1e-12, "Epsilon of the LayerNorms.", at_least=1e-12, below=1
    )
    initializer: str = ranges.setting(
        "bert",
        "How weights are initialised: `bert`, or, for small encoders from random weights,"
        " [`mimetic`](../realm_tf/models/initializers/mimetic.py) (embedder) and"
        " [`induction`](../realm_tf/models/initializers/induction.py) (reader; it needs 2 layers, 2"
        " heads or more, and heads of an even size).",
        choices=("bert", "mimetic", "induction"),
    )
    initializer_range: float = ranges.setting(
        0.02, "Standard deviation of the initial weights.", above=0, at_most=1
    )

    def faults(self) -> Iterator[str]:
        """See `Section`."""
        head_size, rest = divmod(self.hidden_size, self.num_heads)
        if rest:
            yield (
                f"hidden_size must be a multiple of num_heads. Received: {self.hidden_size} and"
                f" {self.num_heads}."
            )
        few = min(self.num_layers, self.num_heads) < 2
        if self.initializer == "induction" and (few or head_size % 2):
            yield (
                "initializer induction needs 2 layers, 2 heads or more, and heads of an even size."
                f" Received: {self.num_layers} layers, {self.num_heads} heads of {head_size}."
            )


@dataclasses.dataclass(frozen=True)
class EmbedderConfig(ranges.Section):
    """The retriever's embedder: pooling, projection and LayerNorm (paper section 3.2)."""

    encoder: EncoderConfig = EncoderConfig()
    pooling: str = ranges.setting(
        "cls",
        "`cls`: the tanh-pooled [CLS]; `mean`: the mean of the last layer over all wordpieces, as"
        " Sentence-BERT's (Reimers and Gurevych, 2019, section 3).",
        choices=("cls", "mean"),
    )
    projection_size: int | None = ranges.setting(
        128,
        "Size of the vectors; null: there is no projection, and the vectors have the `hidden_size`"
        " of the encoder.",
        at_least=1,
    )
    normalisation: str = ranges.setting(
        "layer_norm",
        "How the vectors are normalised; `l2` is unit length.",
        choices=("layer_norm", "l2", "none"),
    )
    projection_epsilon: float = ranges.setting(
        1e-3, "Epsilon of the LayerNorm of the vectors.", at_least=1e-12, below=1
    )
    dropout: float = ranges.setting(
        0.1, "Dropout on the vectors, in training.", at_least=0, below=1
    )
    score_scale: float = ranges.setting(
        1.0,
        "Factor of the inner product of query and block, an inverse temperature of the retriever's"
        " softmax; 1 is the paper's. Vectors of unit length need one of about 20"
        " ([training.md](training.md#choosing-settings)).",
        above=0,
        at_most=1000,
    )
    learn_score_scale: bool = ranges.setting(
        False, "Whether `score_scale` is only where training starts; it then stays below 100."
    )
    two_towers: bool = ranges.setting(False, "Whether queries and blocks have separate networks.")

    def faults(self) -> Iterator[str]:
        """See `Section`."""
        if self.learn_score_scale and self.score_scale >= MAX_LEARNED_SCALE:
            yield (
                f"score_scale must be below {MAX_LEARNED_SCALE:g} with learn_score_scale. Received:"
                f" {self.score_scale:g}."
            )

    @property
    def embed_dim(self) -> int:
        """Size of a query or block vector."""
        return self.projection_size or self.encoder.hidden_size


@dataclasses.dataclass(frozen=True)
class ReaderConfig(ranges.Section):
    """The knowledge-augmented encoder, and open QA's span head (paper section 3.2)."""

    encoder: EncoderConfig = EncoderConfig()
    max_span_width: int = ranges.setting(10, "Length of the longest answer.", at_least=1)
    span_size: int = ranges.setting(256, "Hidden size of the span head.", at_least=1)
    span_epsilon: float = ranges.setting(
        1e-3, "Epsilon of the LayerNorm of the span head.", at_least=1e-12, below=1
    )


@dataclasses.dataclass(frozen=True)
class ModelConfig(ranges.Section):
    """Both networks: `model.embedder.encoder` and `model.reader.encoder` have the same keys."""

    embedder: EmbedderConfig = EmbedderConfig()
    reader: ReaderConfig = ReaderConfig()


@dataclasses.dataclass(frozen=True)
class OptimizerConfig(ranges.Section):
    """The optimiser: AdamW with linear warm-up and decay, as BERT's."""

    learning_rate: float = ranges.setting(
        1e-4, "Learning rate at step 0 of the decay.", above=0, at_most=1
    )
    warmup_steps: int | None = ranges.setting(
        None,
        "Steps over which the learning rate rises, fewer than those of the training; null:"
        " min(10000, max(100, steps / 10)), at most steps / 2.",
        at_least=0,
    )
    weight_decay: float = ranges.setting(
        0.01, "Weight decay, but not of LayerNorms and biases.", at_least=0, at_most=1
    )
    clip_norm: float = ranges.setting(1.0, "Global norm to which gradients are clipped.", above=0)

    def too_long(self, steps: int) -> Iterator[str]:
        """The fault of a warm-up that a training of so many `steps` never leaves."""
        if self.warmup_steps is not None and self.warmup_steps >= steps > 0:
            yield (
                f"optimizer.warmup_steps must be below the {steps} steps of this training, or the"
                f" learning rate never leaves the warm-up. Received: {self.warmup_steps}."
            )
