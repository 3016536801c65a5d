# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Every layer and model of `realm_tf.models`, with inputs: what the conformance suite goes over."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.models import embedder, encoder, open_qa_model, reader, realm, span_tagger
from realm_tf.models.import_weights import imported
from tests.models import tiny

BATCH_SIZE = 4  # of every input: replicas divide it


@dataclasses.dataclass(frozen=True)
class Case:
    """A layer or model.

    Attributes:
      name: Name of the case.
      cls: Class of the layer or model.
      make: Function that makes it, without weights.
      inputs: Inputs of its call; the first dimension of every array is the batch.
      unused: Parts of the names of variables that no output depends on.
    """

    name: str
    cls: type
    make: Callable[[], Any]
    inputs: Any
    unused: tuple[str, ...] = ()

    def build(self, *, seed: int | None = 0) -> Any:
        """Makes it with random weights, or as it is initialised if there is no seed."""
        made = self.make()
        create_weights(made, self.inputs)
        if seed is not None:
            tiny.randomise(made, seed=seed)
        return made


def create_weights(made: Any, inputs: Any) -> None:
    """Creates the weights as its users do: models have a method for it, layers are called."""
    if hasattr(made, "build_weights"):
        made.build_weights()
    else:
        made(inputs)


def call(made: Any, inputs: Any, training: bool = False) -> list[tf.Tensor]:
    """The outputs in a row."""
    return tf.nest.flatten(made(inputs, training=training))


def _question_batch() -> open_qa_model.OpenQaInputs:
    rng = np.random.default_rng(0)
    return open_qa_model.OpenQaInputs(
        question=tiny.inputs(BATCH_SIZE, 6),
        joint=tiny.inputs(BATCH_SIZE, 2, 12, seed=1),
        block_emb=rng.normal(size=(BATCH_SIZE, 5, tiny.DIM)).astype(np.float32),
    )


def _masked_batch() -> realm.RealmInputs:
    return tiny.realm_inputs(tiny.masked_batch(BATCH_SIZE))


_SEQUENCES = tiny.padded(tiny.inputs(BATCH_SIZE, 7), 2, word_id=0)
_PAIR = (tiny.inputs(BATCH_SIZE, 6), tiny.inputs(BATCH_SIZE, 8, seed=1))
_JOINT = tiny.inputs(BATCH_SIZE, 3, 10, seed=2)
_POSITIONS = np.array([[1, 3], [2, 2], [4, 1], [0, 5]], np.int32)
_MIMETIC = dataclasses.replace(tiny.ENCODER, initializer="mimetic")
_INDUCTION = dataclasses.replace(tiny.ENCODER, initializer="induction", num_layers=2)
_POOLER = ("pooler_transform",)

CASES = (
    Case(
        "encoder",
        encoder.Encoder,
        lambda: encoder.Encoder(tiny.ENCODER, tiny.VOCAB_SIZE),
        _SEQUENCES,
    ),
    Case(
        "encoder_first_token",
        encoder.Encoder,
        lambda: encoder.Encoder(tiny.ENCODER, tiny.VOCAB_SIZE, first_token_only=True),
        _SEQUENCES,
    ),
    Case(
        "encoder_mimetic",
        encoder.Encoder,
        lambda: encoder.Encoder(_MIMETIC, tiny.VOCAB_SIZE),
        _SEQUENCES,
    ),
    Case(
        "encoder_induction",
        encoder.Encoder,
        lambda: encoder.Encoder(_INDUCTION, tiny.VOCAB_SIZE),
        _SEQUENCES,
    ),
    Case(
        "bert",
        imported.Bert,
        lambda: imported.Bert(tiny.ENCODER, tiny.VOCAB_SIZE),
        _SEQUENCES,
    ),
    Case(
        "tower",
        embedder.Tower,
        lambda: embedder.Tower(tiny.embedder_config(), tiny.VOCAB_SIZE),
        _SEQUENCES,
    ),
    Case(
        "embedder",
        embedder.Embedder,
        lambda: embedder.Embedder(tiny.embedder_config(), tiny.VOCAB_SIZE),
        _PAIR,
    ),
    Case(
        "embedder_two_towers",
        embedder.Embedder,
        lambda: embedder.Embedder(tiny.embedder_config(two_towers=True), tiny.VOCAB_SIZE),
        _PAIR,
    ),
    Case(
        "knowledge_encoder",
        reader.KnowledgeAugmentedEncoder,
        lambda: reader.KnowledgeAugmentedEncoder(tiny.reader_config(), tiny.VOCAB_SIZE),
        (_JOINT, _POSITIONS),
        _POOLER,
    ),
    Case(
        "span_reader",
        reader.SpanReader,
        lambda: reader.SpanReader(tiny.reader_config(), tiny.VOCAB_SIZE),
        _JOINT,
        _POOLER,
    ),
    Case(
        "realm",
        realm.RealmModel,
        lambda: realm.RealmModel(tiny.model_config(), tiny.VOCAB_SIZE),
        _masked_batch(),
        _POOLER,
    ),
    Case(
        "open_qa",
        open_qa_model.OpenQaModel,
        lambda: open_qa_model.OpenQaModel(tiny.model_config(), tiny.VOCAB_SIZE),
        _question_batch(),
        _POOLER,
    ),
    Case(
        "span_tagger",
        span_tagger.SpanTagger,
        lambda: span_tagger.SpanTagger(tiny.ENCODER, tiny.VOCAB_SIZE, 5, 0.0),
        _SEQUENCES,
        _POOLER,
    ),
)
