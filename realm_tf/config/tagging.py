# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of the taggers that find salient spans, and of the training of a span tagger."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from realm_tf.config import ranges
from realm_tf.config.model import EncoderConfig, OptimizerConfig

_DATES = ("de", "en", "none")  # the languages of text/date_rules, and none


@dataclasses.dataclass(frozen=True)
class TaggingConfig(ranges.Section):
    """What finds the salient spans of blocks (paper section 3.4); see [tagging.md](tagging.md)."""

    tagger: str = ranges.setting(
        "rules",
        "What finds names: rules for English, or a segment `span_tagger`.",
        path="directory",
        words=("rules",),
    )
    dates: str = ranges.setting(
        "en",
        "What finds dates: the rules of a language, nothing, or your own rules (.yaml); see"
        " [dates.md](dates.md).",
        path="file",
        words=_DATES,
    )

    def faults(self) -> Iterator[str]:
        """See `Section`."""
        if self.dates not in _DATES and not self.dates.endswith((".yaml", ".yml")):
            yield (
                f"dates must be {ranges.one_of(_DATES)}, or the path of your own rules (.yaml)."
                f" Received: {ranges.shown(self.dates)}."
            )


@dataclasses.dataclass(frozen=True)
class SpanTaggerConfig(ranges.Section):
    """The experiment `realm/span_tagger`, which trains a token classifier.

    The weights that are kept are those of the evaluation with the best F1 on the dev files.
    """

    steps: int = ranges.setting(
        3000, "Training steps; a multiple of `evaluate_every_steps`.", at_least=1
    )
    batch_size: int = ranges.setting(
        32,
        "Number of sentences in a batch; a batch holds sentences of similar lengths.",
        at_least=1,
    )
    length: int = ranges.setting(
        128,
        "Length of the longest input, at most `encoder.max_positions`; longer sentences are divided"
        " between words.",
        at_least=16,
    )
    encoder: EncoderConfig = EncoderConfig()
    dropout: float = ranges.setting(0.1, "Dropout before the classifier.", at_least=0, below=1)
    tag_column: int = ranges.setting(
        -1,
        "Number of the column with the tags, 0 for that of the word; -1 is the last column.",
        at_least=-99,
        at_most=99,
    )
    label_map: Mapping[str, str] = ranges.setting(
        {},
        "New names of labels, such as `{painter: PER, album: O}`; `O` means no label; other labels"
        " keep their names.",
    )
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=5e-5)
    evaluate_every_steps: int = ranges.setting(
        200,
        "Number of steps after which F1 is measured on the dev files and a checkpoint is written.",
        at_least=1,
    )
    dtype: str = ranges.setting(
        "float32",
        "Number type in which the exported graph computes.",
        choices=("float32", "bfloat16"),
    )

    def faults(self) -> Iterator[str]:
        """See `Section`."""
        if self.length > self.encoder.max_positions:
            yield (
                "length must be at most encoder.max_positions. Received:"
                f" {self.length} and {self.encoder.max_positions}."
            )
        if self.steps % self.evaluate_every_steps:
            yield (
                "steps must be a multiple of evaluate_every_steps. Received:"
                f" {self.steps} and {self.evaluate_every_steps}."
            )
        if self.tag_column == 0:
            yield "tag_column 0 is that of the word. Give the column of its tag; -1 is the last."
        yield from self.optimizer.too_long(self.steps)
