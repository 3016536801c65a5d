# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A system: the retriever's and the reader's weights that belong together, and its snapshot."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from realm_tf import artifacts
from realm_tf import config as config_lib
from realm_tf.models import embedder, reader, realm, weights
from realm_tf.models import open_qa_model as open_qa
from realm_tf.retrieval import snapshots, view


@dataclasses.dataclass(frozen=True)
class System:
    """A system: what retrieves, what reads, and the blocks as its retriever sees them.

    Attributes:
      name: "random", "ict", "realm" or "dual_encoder".
      embedder_weights: Segment "embedder_weights".
      reader_weights: Segment "reader_weights".
      snapshot: The blocks as this embedder sees them.
      history: What its joint training was like, if there was one: staleness, recall, alarms.
    """

    name: str
    embedder_weights: artifacts.Segment
    reader_weights: artifacts.Segment
    snapshot: snapshots.Snapshot
    history: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def made_from(self) -> dict[str, str]:
        """Role to fingerprint of the system's parts."""
        return {
            "embedder_weights": self.embedder_weights.fingerprint,
            "reader_weights": self.reader_weights.fingerprint,
            "vectors": view.View(self.snapshot).fingerprint,
        }


def realm_model(
    config: config_lib.ModelConfig,
    vocab_size: int,
    embedder_weights: artifacts.Segment,
    reader_weights: artifacts.Segment,
) -> realm.RealmModel:
    """The pre-training model with both parts' weights."""
    model = realm.RealmModel(config, vocab_size).build_weights()
    weights.restore(model.embedder, embedder_weights)
    weights.restore(model.reader, reader_weights)
    return model


def open_qa_model(
    config: config_lib.ModelConfig, vocab_size: int, start: System
) -> open_qa.OpenQaModel:
    """The QA model before fine-tuning: the query tower, and the reader's encoder."""
    model = open_qa.OpenQaModel(config, vocab_size).build_weights()
    retriever = embedder.Embedder(config.embedder, vocab_size).build_weights()
    weights.restore(retriever, start.embedder_weights)
    model.query_tower.set_weights(retriever.query_tower.get_weights())
    encoder = reader.KnowledgeAugmentedEncoder(config.reader, vocab_size).build_weights()
    weights.restore(encoder, start.reader_weights)
    model.reader.encoder.set_weights(encoder.encoder.get_weights())
    return model
