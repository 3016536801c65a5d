# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The BERT encoder and the embedder for inference alone, as a plain graph without Keras layers.

The same functions as `encoder.Encoder` and `embedder.Tower` without dropout, in the ops that run
fastest:

- one product makes queries, keys and values of all heads; the attention's scale is in its weights;
- dense layers are a plain matmul and bias_add over [batch_size * length, hidden_size], which
  TensorFlow's optimiser fuses with the activation;
- pooling by [CLS] needs the last layer's queries, and what follows them, for [CLS] alone;
- in bfloat16 the matrix products, GELU and softmax are bfloat16; embeddings, statistics and sums of
  LayerNorm, pooling and projection stay float32.

They hold variables and no Keras layer, so their SavedModels need TensorFlow alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.models import embedder, encoder, variable_names

Weights = Mapping[str, np.ndarray]  # by public name

_MASKED = -1e9  # added to the scores of padding, as in Model Garden's attention


class _Dense(NamedTuple):
    """Weights of a dense layer x @ kernel + bias: [in, out] and [out]."""

    kernel: tf.Variable
    bias: tf.Variable


class _Norm(NamedTuple):
    """Weights of a LayerNorm: each <float32>[size]."""

    gamma: tf.Variable
    beta: tf.Variable


class LeanEncoder(tf.Module):
    """A trained BERT encoder for inference.

    Args:
      weights: Weights by their public names in `variable_names.of_encoder`, copied as they are now.
      config: Configuration of the encoder.
      dtype: Number type to compute in, "float32" or "bfloat16".
      first_only: Whether to compute the last layer for [CLS] alone.
    """

    def __init__(
        self,
        weights: Weights,
        config: config_lib.EncoderConfig,
        *,
        dtype: str = "float32",
        first_only: bool = False,
    ):
        super().__init__(name="lean_encoder")
        self._config, self._dtype, self._first_only = config, tf.as_dtype(dtype), first_only
        self._words, self._positions, self._types = (
            _variable(weights[f"encoder/{name}_embeddings"], tf.float32)
            for name in ("word", "position", "type")
        )
        self._embedding_norm = _norm(weights, "encoder/embeddings_norm")
        self._layers = [
            _Layer(
                _below(f"encoder/layer_{i}/", weights),
                config,
                self._dtype,
                first_only=first_only and i == config.num_layers - 1,
            )
            for i in range(config.num_layers)
        ]

    def __call__(self, inputs: types.EncoderInputs) -> tf.Tensor:
        """Encodes <int32>[batch_size, length] inputs.

        Returns:
          <float32>[batch_size, length, hidden_size]; [batch_size, hidden_size] if `first_only`.
        """
        shape = tf.shape(inputs.word_ids)
        hidden = tf.cast(self._embed(inputs), self._dtype)
        padding = tf.cast(1 - inputs.mask, self._dtype)[:, None, None, :] * _MASKED
        for layer in self._layers:
            hidden = layer(hidden, padding, shape)
        hidden = tf.cast(hidden, tf.float32)
        if self._first_only:
            return hidden
        return tf.reshape(hidden, [shape[0], shape[1], hidden.shape[-1]])

    def _embed(self, inputs: types.EncoderInputs) -> tf.Tensor:
        """<float32>[batch_size * length, hidden_size], normalised."""
        words = tf.gather(self._words, inputs.word_ids)
        positions = self._positions[: tf.shape(inputs.word_ids)[1]]
        summed = words + positions + tf.gather(self._types, inputs.type_ids)
        flat = tf.reshape(summed, [-1, self._config.hidden_size])
        return _layer_norm(flat, self._embedding_norm, self._config.layer_norm_epsilon)


class LeanTower(tf.Module):
    """A trained tower of an embedder for inference.

    Args:
      tower: The trained tower; its weights are copied as they are now.
      dtype: Number type to compute in, "float32" or "bfloat16".
    """

    def __init__(self, tower: embedder.Tower, *, dtype: str = "float32"):
        super().__init__(name="lean_tower")
        self._config = tower.config
        weights = {n: v.numpy() for n, v in variable_names.of_tower(tower).items()}
        by_cls = self._config.pooling == "cls"
        self._encoder = LeanEncoder(weights, self._config.encoder, dtype=dtype, first_only=by_cls)
        self._pooler = _dense(weights, "encoder/pooler") if by_cls else None
        self._projection = _dense(weights, "projection") if "projection/bias" in weights else None
        has_norm = self._config.normalisation == "layer_norm"
        self._norm = _norm(weights, "projection_norm") if has_norm else None
        learned = _variable(weights["log_scale"], tf.float32) if "log_scale" in weights else None
        self._log_scale = learned

    def __call__(self, inputs: types.EncoderInputs) -> tf.Tensor:
        """Embeds <int32>[batch_size, length] inputs into <float32>[batch_size, embed_dim]."""
        vectors = self._normalised(inputs)
        if self._log_scale is None and self._config.score_scale == 1:
            return vectors
        return vectors * embedder.vector_scale(self._config, self._log_scale)

    def _normalised(self, inputs: types.EncoderInputs) -> tf.Tensor:
        """The vectors before they are scaled."""
        hidden = self._encoder(inputs)
        if self._pooler is not None:
            vectors = tf.tanh(_apply(self._pooler, hidden))
        else:
            vectors = embedder.mean_pool(hidden, inputs.mask)
        if self._projection is not None:
            vectors = _apply(self._projection, vectors)
        if self._norm is not None:
            return _layer_norm(vectors, self._norm, self._config.projection_epsilon)
        if self._config.normalisation == "l2":
            return tf.math.l2_normalize(vectors, axis=-1)
        return vectors


class _Layer(tf.Module):
    """One transformer layer of a lean encoder.

    Args:
      weights: Weights by their names in the layer, as `variable_names` gives them.
      config: Configuration of the encoder.
      dtype: Number type to compute in.
      first_only: Whether to return the first position alone.
    """

    def __init__(
        self,
        weights: Weights,
        config: config_lib.EncoderConfig,
        dtype: tf.DType,
        *,
        first_only: bool,
    ):
        super().__init__()
        self._num_heads, self._epsilon = config.num_heads, config.layer_norm_epsilon
        self._activation = encoder.activation(config)
        self._first_only = first_only
        scale = (config.hidden_size // config.num_heads) ** -0.5
        query = _heads(weights, "query", scale)
        key, value = _heads(weights, "key"), _heads(weights, "value")
        if first_only:
            self._query = _side_by_side(query, dtype=dtype)
            self._key_value = _side_by_side(key, value, dtype=dtype)
        else:
            self._query_key_value = _side_by_side(query, key, value, dtype=dtype)
        self._attention_output = _dense(weights, "attention_output", dtype)
        self._attention_norm = _norm(weights, "attention_norm")
        self._intermediate = _dense(weights, "intermediate", dtype)
        self._output = _dense(weights, "output", dtype)
        self._output_norm = _norm(weights, "output_norm")

    def __call__(self, hidden: tf.Tensor, padding: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
        """Applies the transformer layer.

        Args:
          hidden: Hidden states [batch_size * length, hidden_size].
          padding: Additive mask [batch_size, 1, 1, length], large and negative at padding.
          shape: Batch size and length, <int32>[2].

        Returns:
          The same shape as `hidden`; [batch_size, hidden_size] if `first_only`.
        """
        if self._first_only:
            of_first = tf.reshape(hidden, [shape[0], shape[1], hidden.shape[-1]])[:, 0]
            (query,) = self._split(_apply(self._query, of_first), shape[0], 1)
            key, value = self._split(_apply(self._key_value, hidden), shape[0], shape[1])
            hidden = of_first
        else:
            projected = _apply(self._query_key_value, hidden)
            query, key, value = self._split(projected, shape[0], shape[1])
        weights = tf.nn.softmax(tf.matmul(query, key, transpose_b=True) + padding)
        context = tf.transpose(tf.matmul(weights, value), [0, 2, 1, 3])
        attended = _apply(self._attention_output, tf.reshape(context, [-1, hidden.shape[-1]]))
        hidden = _layer_norm(hidden + attended, self._attention_norm, self._epsilon)
        inner = self._activation(_apply(self._intermediate, hidden))
        outer = _apply(self._output, inner)
        return _layer_norm(hidden + outer, self._output_norm, self._epsilon)

    def _split(
        self, projected: tf.Tensor, batch_size: tf.Tensor | int, length: tf.Tensor | int
    ) -> list[tf.Tensor]:
        """[batch_size * length, n * hidden_size] to n of [batch_size, heads, length, head_size]."""
        parts = projected.shape[-1] // self._attention_output.kernel.shape[0]
        head_size = projected.shape[-1] // (parts * self._num_heads)
        split = tf.reshape(projected, [batch_size, length, parts, self._num_heads, head_size])
        return tf.unstack(tf.transpose(split, [2, 0, 3, 1, 4]), parts)


def _apply(dense: _Dense, x: tf.Tensor) -> tf.Tensor:
    return tf.nn.bias_add(tf.matmul(x, dense.kernel), dense.bias)


def _layer_norm(x: tf.Tensor, norm: _Norm, epsilon: float) -> tf.Tensor:
    """LayerNorm over the last axis, in float32; returned in the dtype of `x`."""
    wide = tf.cast(x, tf.float32)
    mean = tf.reduce_mean(wide, axis=-1, keepdims=True)
    centred = wide - mean
    variance = tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True)
    normal = centred * tf.math.rsqrt(variance + epsilon)
    return tf.cast(normal * norm.gamma + norm.beta, x.dtype)


def _below(prefix: str, weights: Weights) -> Weights:
    return {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}


def _variable(value: np.ndarray, dtype: tf.DType) -> tf.Variable:
    return tf.Variable(tf.cast(value, dtype), trainable=False)


def _dense(weights: Weights, name: str, dtype: tf.DType = tf.float32) -> _Dense:
    """A dense layer; of the attention's output, the heads [heads, size, out] become rows."""
    kernel, bias = weights[f"{name}/kernel"], weights[f"{name}/bias"]
    return _Dense(_variable(kernel.reshape(-1, len(bias)), dtype), _variable(bias, dtype))


def _norm(weights: Weights, name: str) -> _Norm:
    return _Norm(*(_variable(weights[f"{name}/{part}"], tf.float32) for part in _Norm._fields))


def _heads(weights: Weights, name: str, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Kernel [hidden_size, heads, head_size] and bias, scaled, as [hidden_size, hidden_size]."""
    kernel, bias = weights[f"{name}/kernel"], weights[f"{name}/bias"]
    return scale * kernel.reshape(len(kernel), -1), scale * bias.reshape(-1)


def _side_by_side(*parts: tuple[np.ndarray, np.ndarray], dtype: tf.DType) -> _Dense:
    kernels, biases = zip(*parts, strict=True)
    return _Dense(
        _variable(np.concatenate(kernels, axis=1), dtype),
        _variable(np.concatenate(biases), dtype),
    )
