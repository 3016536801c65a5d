# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""An embedder as an ONNX graph of onnxruntime's own fused operators: the peer of `embed_speed`.

The operators (EmbedLayerNormalization, Attention, SkipLayerNormalization, BiasGelu) are those that
onnxruntime's transformer optimiser makes of an exported BERT, so this is the graph that a careful
user of onnxruntime would run; with pooling by [CLS] the last layer's dense part is computed for
[CLS] alone, too. Needs the package onnx.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from realm_tf import config as config_lib
from realm_tf.models import embedder, variable_names

_MS = "com.microsoft"


class _Graph:
    """Nodes and weights under construction."""

    def __init__(self, weights: dict[str, np.ndarray]):
        self.weights = weights
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []

    def constant(self, name: str, value: np.ndarray) -> str:
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def weight(self, name: str) -> str:
        return self.constant(name, self.weights[name])

    def op(self, kind: str, inputs: list[str], domain: str = "", **attributes: object) -> str:
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(kind, inputs, [name], name=name, domain=domain, **attributes)
        )
        return name

    def dense(self, x: str, name: str) -> str:
        return self.op("Add", [self.product(x, name), self.weight(f"{name}/bias")])

    def product(self, x: str, name: str) -> str:
        kernel, bias = self.weights[f"{name}/kernel"], self.weights[f"{name}/bias"]
        return self.op(
            "MatMul", [x, self.constant(f"{name}/kernel", kernel.reshape(-1, len(bias)))]
        )

    def norm_of_sum(self, x: str, product_of: str, dense: str, norm: str, epsilon: float) -> str:
        parts = [self.product(x, dense), product_of]
        parts += [self.weight(f"{norm}/{part}") for part in ("gamma", "beta")]
        parts.append(self.weight(f"{dense}/bias"))
        return self.op("SkipLayerNormalization", parts, _MS, epsilon=epsilon)


def build(tower: embedder.Tower) -> onnx.ModelProto:
    """The graph of a tower: word_ids, mask, type_ids <int32>[batch, length] to embedding."""
    config = tower.config
    weights = {name: v.numpy() for name, v in variable_names.of_tower(tower).items()}
    graph = _Graph(weights)
    hidden = _embeddings(graph, config.encoder.layer_norm_epsilon)
    last = config.encoder.num_layers - 1
    for i in range(config.encoder.num_layers):
        only_first = i == last and config.pooling == "cls"
        hidden = _layer(graph, f"encoder/layer_{i}/", hidden, config, only_first=only_first)
    output = _pooled(graph, hidden, config)
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT32, ["batch", "length"])
        for name in ("word_ids", "mask", "type_ids")
    ]
    outputs = [
        helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", config.embed_dim])
    ]
    made = helper.make_graph(graph.nodes, "embedder", inputs, outputs, graph.initializers)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(_MS, 1)]
    return helper.make_model(made, opset_imports=opsets, ir_version=9)


def _embeddings(graph: _Graph, epsilon: float) -> str:
    tables = [graph.weight(f"encoder/{n}_embeddings") for n in ("word", "position", "type")]
    norm = [graph.weight(f"encoder/embeddings_norm/{part}") for part in ("gamma", "beta")]
    node = helper.make_node(
        "EmbedLayerNormalization",
        ["word_ids", "type_ids", *tables, *norm],
        ["embedded", "unused_mask_index"],
        domain=_MS,
        epsilon=epsilon,
    )
    graph.nodes.append(node)
    return "embedded"


def _layer(
    graph: _Graph,
    prefix: str,
    hidden: str,
    config: config_lib.EmbedderConfig,
    *,
    only_first: bool,
) -> str:
    size, epsilon = config.encoder.hidden_size, config.encoder.layer_norm_epsilon
    parts = [f"{prefix}{name}" for name in ("query", "key", "value")]
    kernel = np.concatenate([graph.weights[f"{p}/kernel"].reshape(size, size) for p in parts], 1)
    bias = np.concatenate([graph.weights[f"{p}/bias"].reshape(size) for p in parts])
    inputs = [hidden, graph.constant(f"{prefix}qkv", kernel)]
    inputs += [graph.constant(f"{prefix}qkv_bias", bias), "mask"]
    context = graph.op("Attention", inputs, _MS, num_heads=config.encoder.num_heads)
    if only_first:
        first = graph.constant("first", np.array([0], np.int64))
        context, hidden = (graph.op("Gather", [x, first], axis=1) for x in (context, hidden))
    hidden = graph.norm_of_sum(
        context, hidden, f"{prefix}attention_output", f"{prefix}attention_norm", epsilon
    )
    product = graph.product(hidden, f"{prefix}intermediate")
    inner = graph.op("BiasGelu", [product, graph.weight(f"{prefix}intermediate/bias")], _MS)
    return graph.norm_of_sum(inner, hidden, f"{prefix}output", f"{prefix}output_norm", epsilon)


def _pooled(graph: _Graph, hidden: str, config: config_lib.EmbedderConfig) -> str:
    if config.pooling == "mean":
        weights = graph.op("Cast", ["mask"], to=TensorProto.FLOAT)
        column = graph.constant("column", np.array([2], np.int64))
        weights = graph.op("Unsqueeze", [weights, column])
        positions = graph.constant("positions", np.array([1], np.int64))
        total = graph.op("ReduceSum", [graph.op("Mul", [hidden, weights]), positions], keepdims=0)
        count = graph.op("ReduceSum", [weights, positions], keepdims=0)
        vectors = graph.op("Div", [total, count])
    else:
        column = graph.constant("column", np.array([1], np.int64))
        first = graph.op("Squeeze", [hidden, column])
        vectors = graph.op("Tanh", [graph.dense(first, "encoder/pooler")])
    if config.projection_size is not None:
        vectors = graph.dense(vectors, "projection")
    if config.normalisation == "layer_norm":
        norm = [graph.weight(f"projection_norm/{part}") for part in ("gamma", "beta")]
        return graph.op(
            "LayerNormalization", [vectors, *norm], epsilon=config.projection_epsilon, axis=-1
        )
    return graph.op("LpNormalization", [vectors], axis=-1, p=2)
