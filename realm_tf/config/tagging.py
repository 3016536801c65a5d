# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of the taggers that find salient spans, and of the training of a span tagger."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from realm_tf.config import parsing
from realm_tf.config.model import EncoderConfig, OptimizerConfig


@dataclasses.dataclass(frozen=True)
class TaggingConfig:
    """Configuration of what finds the salient spans of blocks (paper section 3.4).

    `tagger` is what finds names: "rules", for English, or the path of a segment "span_tagger".
    `dates` names the date rules: a bundled language ("en", "de"), the path of a YAML file of one's
    own, or "none".
    """

    tagger: str = "rules"
    dates: str = "en"


@dataclasses.dataclass(frozen=True)
class SpanTaggerConfig:
    """Configuration of the experiment `realm/span_tagger`, which trains a token classifier.

    `tag_column` is the column of the tags in the files, -1 the last. `label_map` says what to call
    their labels; one that becomes "O" is no label. `dtype` is what the exported graph computes in.
    The weights that are kept are those of the evaluation with the best F1 on the dev files.
    """

    steps: int = 3000
    batch_size: int = 32
    length: int = 128
    encoder: EncoderConfig = EncoderConfig()
    dropout: float = 0.1  # before the classifier
    tag_column: int = -1
    label_map: Mapping[str, str] = dataclasses.field(default_factory=dict)
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=5e-5)
    evaluate_every_steps: int = 200  # and checkpoint
    dtype: str = "float32"

    def __post_init__(self) -> None:
        parsing.check(
            16 <= self.length <= self.encoder.max_positions,
            "span_tagger.length must be from 16 to span_tagger.encoder.max_positions. Received:"
            f" {self.length} and {self.encoder.max_positions}.",
        )
        parsing.check(
            self.evaluate_every_steps >= 1 and self.steps % self.evaluate_every_steps == 0,
            "span_tagger.steps must be a multiple of span_tagger.evaluate_every_steps. Received:"
            f" {self.steps} and {self.evaluate_every_steps}.",
        )
        parsing.check(
            self.dtype in ("float32", "bfloat16"),
            f"span_tagger.dtype must be float32 or bfloat16. Received: {self.dtype!r}.",
        )
