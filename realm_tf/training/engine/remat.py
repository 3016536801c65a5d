# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Rematerialisation: the layers of the encoders are computed again when gradients need them.

Between the forward and the backward pass only their inputs are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from official.nlp import modeling
from tf_keras.src.engine import base_layer_utils

from realm_tf.training.engine import dropout


def rematerialise(model: tf.Module) -> None:
    """Has every Transformer layer of a model computed twice, once more for its gradients."""
    for layer in model.submodules:
        if isinstance(layer, modeling.layers.TransformerEncoderBlock):
            layer.call = _recomputed(layer, layer.call)


def _recomputed(layer: Any, call: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    def wrapped(inputs: Sequence[tf.Tensor], output_range: int | None = None) -> tf.Tensor:
        # The second time, Keras does not know any more that it is training.
        keras, repeatable = base_layer_utils.call_context(), dropout.repeatable()
        known = keras.call_context_args

        def compute(*tensors: tf.Tensor) -> tf.Tensor:
            within = keras.enter(layer, list(tensors), build_graph=True, call_context_args=known)
            with repeatable(), within:
                return call(list(tensors), output_range=output_range)

        return tf.recompute_grad(compute)(*inputs)

    return wrapped
