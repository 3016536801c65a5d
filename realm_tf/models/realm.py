# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The pre-training model: retriever and reader, joined by the marginal likelihood.

p(y given x) = sum over blocks z of p(z given x) p(y given z, x)   (Guu et al., 2020, equation 1).
Query and blocks are embedded again with the current weights: the index only proposes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf
import tf_keras

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.models import embedder as embedder_lib
from realm_tf.models import encoder
from realm_tf.models import reader as reader_lib


class RealmInputs(NamedTuple):
    """What the model reads of a batch.

    Attributes:
      query: EncoderInputs <int32>[batch_size, query_length].
      blocks: EncoderInputs <int32>[batch_size, num_candidates, block_length].
      joint: EncoderInputs <int32>[batch_size, num_candidates, joint_length].
      mask_positions: <int32>[batch_size, num_masks] places of the masked wordpieces in `joint`.
    """

    query: types.EncoderInputs
    blocks: types.EncoderInputs
    joint: types.EncoderInputs
    mask_positions: tf.Tensor


class SharedInputs(NamedTuple):
    """The same with nothing in it twice, and candidates of like length together.

    Attributes:
      query: EncoderInputs <int32>[batch_size, query_length].
      blocks: Groups of different blocks, each EncoderInputs <int32>[any, length of the group].
      block_index: <int32>[batch_size, num_candidates] place of every candidate's block in the
        groups, one behind the other.
      joint: Groups of candidates, in order, each EncoderInputs <int32>[batch_size, any, length of
        the group].
      mask_positions: <int32>[batch_size, num_masks] places of the masked wordpieces in `joint`.
    """

    query: types.EncoderInputs
    blocks: tuple[types.EncoderInputs, ...]
    block_index: tf.Tensor
    joint: tuple[types.EncoderInputs, ...]
    mask_positions: tf.Tensor


class RealmOutputs(NamedTuple):
    """What the model says of a batch.

    Attributes:
      relevance: <float32>[batch_size, num_candidates] inner products.
      token_logits: <float32>[batch_size, num_candidates, num_masks, vocab_size].
      query_emb: <float32>[batch_size, embed_dim].
    """

    relevance: tf.Tensor
    token_logits: tf.Tensor
    query_emb: tf.Tensor


class RealmModel(tf_keras.Model):
    """Embedder and knowledge-augmented encoder.

    Args:
      config: Shapes of both.
      vocab_size: Wordpieces in the vocabulary.
    """

    def __init__(
        self, config: config_lib.ModelConfig, vocab_size: int, name: str = "realm", **kwargs: Any
    ):
        super().__init__(name=name, **kwargs)
        self._config = config
        self._vocab_size = vocab_size
        self.embedder = embedder_lib.Embedder(config.embedder, vocab_size)
        self.reader = reader_lib.KnowledgeAugmentedEncoder(config.reader, vocab_size)

    def call(
        self, inputs: RealmInputs | SharedInputs, training: bool | None = None
    ) -> RealmOutputs:
        """Scores and reads the candidates.

        A block that stands once in `SharedInputs` has one mask of dropout for all its candidates.
        """
        if not isinstance(inputs, SharedInputs):
            inputs = _share(RealmInputs(*inputs))
        query = types.EncoderInputs(*inputs.query)
        query_emb = self.embedder.embed_queries(query, training=training)
        vectors = [
            self.embedder.embed_blocks(types.EncoderInputs(*group), training=training)
            for group in inputs.blocks
        ]
        block_emb = tf.gather(tf.concat(vectors, axis=0), inputs.block_index)
        relevance = tf.einsum("bd,bkd->bk", query_emb, block_emb)
        states = [
            self.reader.masked_states(
                types.EncoderInputs(*group), inputs.mask_positions, training=training
            )
            for group in inputs.joint
        ]
        logits = self.reader.logits(tf.concat(states, axis=1))
        return RealmOutputs(relevance, logits, query_emb)

    def build_weights(self) -> RealmModel:
        """Creates every weight, and returns self."""
        self.embedder.build_weights()
        self.reader.build_weights()
        return self

    def get_config(self) -> dict[str, Any]:
        """What `from_config` takes."""
        return {"config": config_lib.to_dict(self._config), "vocab_size": self._vocab_size}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> RealmModel:
        """Makes the model from `get_config`'s dict."""
        model = config_lib.from_dict(config_lib.ModelConfig, config["config"])
        return cls(model, config["vocab_size"])


def _share(inputs: RealmInputs) -> SharedInputs:
    blocks = types.EncoderInputs(*inputs.blocks)
    shape = tf.shape(blocks.word_ids)[:2]
    index = tf.reshape(tf.range(tf.reduce_prod(shape)), shape)
    return SharedInputs(
        inputs.query, (encoder.flatten(blocks),), index, (inputs.joint,), inputs.mask_positions
    )
