# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The result of every weight importer: networks with foreign weights, and where they are from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
import tf_keras

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.models import encoder as encoder_lib
from realm_tf.models import reader
from realm_tf.models.import_weights import mapping

# Segment kinds; the first three are what training writes, too.
EMBEDDER = "embedder_weights"
READER = "reader_weights"
OPEN_QA = "open_qa_weights"
SPAN_READER = "span_reader_weights"
BERT = "bert_weights"

# What a report says of a BERT that is not whole.
NO_HEAD = "the source has no MLM head: a reader that starts from it begins with a random one"
NO_POOLER = "the source has no pooler: it keeps its random initial weights"


class Bert(tf_keras.Model):
    """A BERT encoder alone, for an imported BERT that has no MLM head."""

    def __init__(
        self, config: config_lib.EncoderConfig, vocab_size: int, name: str = "bert", **kwargs: Any
    ):
        super().__init__(name=name, **kwargs)
        self._config = config
        self._vocab_size = vocab_size
        self.encoder = encoder_lib.Encoder(config, vocab_size, name="encoder")

    def call(
        self, inputs: types.EncoderInputs, training: bool | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Encodes packed inputs, as `Encoder` does."""
        return self.encoder(inputs, training=training)

    def build_weights(self) -> Bert:
        """Creates every weight of the model, and returns the model."""
        self.encoder.build(None)
        return self

    def get_config(self) -> dict[str, Any]:
        """The settings that `from_config` takes, as nested dicts."""
        return {"config": config_lib.to_dict(self._config), "vocab_size": self._vocab_size}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Bert:
        """Makes the model from the settings that `get_config` returned."""
        encoder = config_lib.from_dict(config_lib.EncoderConfig, config["config"])
        return cls(encoder, config["vocab_size"])


class Checkpoint(Protocol):
    """What the checkpoints of all importers have in common: files, vocabulary and its case."""

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of the files that were read."""

    @property
    def vocab_file(self) -> str | None:
        """Path of the vocabulary; None if there is none."""

    @property
    def lower_case(self) -> bool:
        """Whether the tokenizer lower-cases."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the user on the tokenizer."""


@dataclasses.dataclass(frozen=True)
class Imported:
    """Imported networks: our models, filled with the weights of another implementation.

    Attributes:
      networks: The filled model by its kind of weight segment. A "bert_weights" is a
        `KnowledgeAugmentedEncoder` if there is an MLM head, else a `Bert`; `.encoder` of both is
        the same.
      config: Configuration of the networks; for a BERT both sections have its encoder.
      vocab_size: Number of wordpieces in the vocabulary.
      report: Report of what became of every tensor.
      files: Paths of the files that were read; their bytes decide the fingerprint.
      vocab_file: Path of the checkpoint's vocabulary; None if there is none.
      lower_case: Whether its tokenizer lower-cases texts.
      block_emb: Block vectors <float32>[num_blocks, embed_dim]; None if there are none.
    """

    networks: Mapping[str, tf_keras.Model]
    config: config_lib.ModelConfig
    vocab_size: int
    report: mapping.Report
    files: tuple[str, ...]
    vocab_file: str | None = None
    lower_case: bool = True
    block_emb: np.ndarray | None = None

    @property
    def encoder(self) -> encoder_lib.Encoder:
        """The encoder of an imported BERT."""
        return self.networks[BERT].encoder


def of_network(
    kind: str,
    model: tf_keras.Model,
    checkpoint: Checkpoint,
    vocab_size: int,
    report: mapping.Report,
    notes: tuple[str, ...],
    config: config_lib.ModelConfig,
    block_emb: np.ndarray | None = None,
) -> Imported:
    """Makes the result of an importer of one network."""
    return Imported(
        networks={kind: model},
        config=config,
        vocab_size=vocab_size,
        report=report + mapping.Report((), (), (*notes, *checkpoint.notes)),
        files=checkpoint.files,
        vocab_file=checkpoint.vocab_file,
        lower_case=checkpoint.lower_case,
        block_emb=block_emb,
    )


def of_bert(
    model: tf_keras.Model,
    checkpoint: Checkpoint,
    vocab_size: int,
    report: mapping.Report,
    notes: tuple[str, ...],
    encoder: config_lib.EncoderConfig,
) -> Imported:
    """Makes the result of a BERT importer: one "bert_weights", with heads of the paper's sizes."""
    config = config_lib.ModelConfig(
        embedder=config_lib.EmbedderConfig(encoder=encoder),
        reader=config_lib.ReaderConfig(encoder=encoder),
    )
    return of_network(BERT, model, checkpoint, vocab_size, report, notes, config)


def bert_network(
    config: config_lib.EncoderConfig, vocab_size: int, *, masked_lm: bool
) -> tf_keras.Model:
    """The network that an imported BERT fills, with every weight: of a "bert_weights" segment."""
    if masked_lm:
        whole = config_lib.ReaderConfig(encoder=config)
        return reader.KnowledgeAugmentedEncoder(whole, vocab_size).build_weights()
    return Bert(config, vocab_size).build_weights()
