# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Exports an embedder as a segment: a SavedModel that needs only TensorFlow to be reloaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf.models import embedder as embedder_lib


class _Exported(tf.Module):
    """The two signatures, around the weights."""

    def __init__(self, embedder: embedder_lib.Embedder):
        super().__init__()
        self._embedder = embedder

    def signatures(self) -> dict[str, Any]:
        def of(embed: Callable[..., tf.Tensor]) -> Any:
            def function(
                word_ids: tf.Tensor, mask: tf.Tensor, type_ids: tf.Tensor
            ) -> dict[str, tf.Tensor]:
                inputs = types.EncoderInputs(word_ids, mask, type_ids)
                return {"embedding": embed(inputs, training=False)}

            names = ("word_ids", "mask", "type_ids")
            specs = {n: tf.TensorSpec([None, None], tf.int32, name=n) for n in names}
            return tf.function(function).get_concrete_function(**specs)

        return {
            "queries": of(self._embedder.embed_queries),
            "blocks": of(self._embedder.embed_blocks),
        }


def export_embedder(
    embedder: embedder_lib.Embedder, path: str, *, settings: dict, made_from: dict
) -> artifacts.Segment:
    """Writes an "embedder" segment.

    Its SavedModel has the signatures `queries` and `blocks`: word_ids, mask and type_ids, each
    <int32>[batch_size, length], to embedding <float32>[batch_size, embed_dim]. With two towers
    each signature is its own tower (the original exported the block tower for both).

    Args:
      embedder: Its weights are written as they are now.
      path: Directory of the segment; returned as it is if it is complete.
      settings: What decides the weights besides `made_from`; must hold "step".
      made_from: Role to fingerprint; must hold "tokenizer".
    """
    if artifacts.is_complete(path):
        return artifacts.open_segment(path, "embedder")
    writer = artifacts.SegmentWriter(path, kind="embedder", settings=settings, made_from=made_from)
    module = _Exported(embedder)
    target = f"{path}/{artifacts.SAVED_MODEL}"
    tf.saved_model.save(module, target, signatures=module.signatures())
    writer.add_tree(artifacts.SAVED_MODEL)
    return writer.commit(parameters=sum(v.shape.num_elements() for v in embedder.variables))
