# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Exports an embedder as an "embedder" segment: a SavedModel that only TensorFlow can reload.

What is exported is `lean_encoder`: no Keras layer is in it, and it runs faster than they do.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf.models import embedder as embedder_lib
from realm_tf.models.inference import lean_encoder


class _LeanEmbedder(tf.Module):
    """Both towers of an embedder for inference, as the two signatures of a SavedModel.

    Args:
      embedder: The trained embedder; its weights are copied as they are now.
      dtype: Number type to compute in, "float32" or "bfloat16".
    """

    def __init__(self, embedder: embedder_lib.Embedder, *, dtype: str = "float32"):
        super().__init__(name="lean_embedder")
        blocks = lean_encoder.LeanTower(embedder.block_tower, dtype=dtype)
        shared = embedder.query_tower is embedder.block_tower
        queries = blocks if shared else lean_encoder.LeanTower(embedder.query_tower, dtype=dtype)
        self._towers = {"queries": queries, "blocks": blocks}

    def signatures(self) -> dict[str, Any]:
        """The signatures `queries` and `blocks` of the SavedModel."""

        def of(tower: lean_encoder.LeanTower) -> Any:
            def function(
                word_ids: tf.Tensor, mask: tf.Tensor, type_ids: tf.Tensor
            ) -> dict[str, tf.Tensor]:
                return {"embedding": tower(types.EncoderInputs(word_ids, mask, type_ids))}

            names = ("word_ids", "mask", "type_ids")
            specs = {n: tf.TensorSpec([None, None], tf.int32, name=n) for n in names}
            return tf.function(function, autograph=False).get_concrete_function(**specs)

        return {name: of(tower) for name, tower in self._towers.items()}


def weights_digest(embedder: embedder_lib.Embedder) -> str:
    """Hex SHA-256 of an embedder's weights, in their order: what an export is named by.

    Raises:
      UserError: If a weight is infinite or undefined: the training has diverged.
    """
    sha = hashlib.sha256()
    for array in embedder.get_weights():
        if not np.isfinite(array).all():
            raise types.UserError(
                "The embedder's weights have infinite or undefined numbers: the training has"
                " diverged. Go back to an earlier checkpoint, and lower the learning rate."
            )
        sha.update(f"{array.shape} {array.dtype}".encode())
        sha.update(np.ascontiguousarray(array).data)
    return sha.hexdigest()


def export_embedder(
    embedder: embedder_lib.Embedder, path: str, *, settings: dict, made_from: dict
) -> artifacts.Segment:
    """Writes an "embedder" segment.

    Its SavedModel has the signatures `queries` and `blocks`: word_ids, mask and type_ids, each
    <int32>[batch_size, length], to embedding <float32>[batch_size, embed_dim]. With two towers
    each signature is its own tower (the original exported the block tower for both).

    Args:
      embedder: The trained embedder; its weights are written as they are now.
      path: Directory of the segment; returned as it is if it is complete.
      settings: What decides the weights besides `made_from`; must hold "step". "dtype", if it is
        there, is what the graph computes in: "float32" (the default) or "bfloat16".
      made_from: Fingerprints of its inputs by role; must hold "tokenizer".
    """
    if artifacts.is_complete(path):
        return artifacts.open_segment(path, "embedder")
    writer = artifacts.SegmentWriter(path, kind="embedder", settings=settings, made_from=made_from)
    module = _LeanEmbedder(embedder, dtype=settings.get("dtype", "float32"))
    target = f"{path}/{artifacts.SAVED_MODEL}"
    tf.saved_model.save(module, target, signatures=module.signatures())
    writer.add_tree(artifacts.SAVED_MODEL)
    return writer.commit(parameters=sum(v.shape.num_elements() for v in module.variables))
