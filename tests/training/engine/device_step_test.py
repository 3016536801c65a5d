# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The device step of every experiment holds nothing that a TPU could not run."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
import tensorflow as tf

from tests.training.engine import steps

# Work of the host, tables, text, and ops whose outputs have as many rows as their values say.
_HOST_OPS = re.compile(
    r"PyFunc|Lookup|HashTable|Iterator|Dataset|File|Save|Restore|Print|String|Regex|Unicode|"
    r"Tokenize|Decode|Scann|^Unique|^Where$|^NonMaxSuppression|^Ragged|^DynamicPartition$|"
    r"^BooleanMask|^ListDiff$"
)
# How many of the outputs of these ops need a shape: the others are numbers of axes, which compilers
# compute by themselves, and memory that only a GPU's library uses, and that nothing reads.
_SHAPED = {"BroadcastGradientArgs": 0, "FusedBatchNormV3": 5, "ZerosLike": 0}
EXPERIMENTS = pytest.mark.parametrize("name", list(steps.EXPERIMENTS))
OPTIONS = pytest.mark.parametrize(
    "options",
    [
        {"jit_compile": True},
        pytest.param({}, marks=pytest.mark.slow),
        pytest.param({"rematerialised": True}, marks=pytest.mark.slow),
    ],
    ids=str,
)


def _faults(function: tf.types.experimental.ConcreteFunction) -> Iterator[str]:
    """What a TPU would refuse in a graph, and in the functions that it calls."""
    graph = function.graph.as_graph_def(add_shapes=True)
    parts = {"": graph.node, **{f.signature.name: f.node_def for f in graph.library.function}}
    for part, nodes in parts.items():
        for node in nodes:
            where = f"{part}/{node.name} ({node.op})"
            if _HOST_OPS.search(node.op):
                yield f"{where} is work of the host"
            shapes = node.attr["_output_shapes"].list.shape[: _SHAPED.get(node.op)]
            if any(s.unknown_rank or any(d.size < 0 for d in s.dim) for s in shapes):
                yield f"{where} has no static shape"
            kinds = [k for a in node.attr.values() for k in (a.type, *a.list.type)]
            if tf.string.as_datatype_enum in kinds:
                yield f"{where} is of text"


def _traced(name: str, **options) -> tf.types.experimental.ConcreteFunction:
    fitted = steps.make_trainer(steps.EXPERIMENTS[name], adam=True, **options)
    batch = tf.nest.map_structure(tf.convert_to_tensor, steps.EXPERIMENTS[name].batch)
    with fitted.strategy.scope():
        return tf.function(fitted._replicated_train).get_concrete_function(batch)


@EXPERIMENTS
@OPTIONS
def test_step_has_static_shapes_and_no_work_of_the_host(name, options):
    traced = _traced(name, **options)
    assert len(traced.graph.as_graph_def().node) > 20
    assert list(_faults(traced)) == []


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (lambda x: tf.numpy_function(np.sin, [x], tf.float32), "work of the host"),
        (lambda x: tf.where(x > 0, "a", "b"), "of text"),
        (lambda x: x[: tf.cast(x[0], tf.int32)], "no static shape"),
        (lambda x: tf.boolean_mask(x, x > 0), "work of the host"),
    ],
)
def test_what_a_tpu_refuses_is_found_in_nested_functions(function, fault):
    nested = tf.function(function)
    outer = tf.function(lambda x: tf.cond(x[0] > 0, lambda: nested(x)[:1], lambda: nested(x)[:1]))
    faults = list(_faults(outer.get_concrete_function(tf.TensorSpec([3], tf.float32))))
    assert any(fault in found for found in faults), faults


@pytest.mark.slow
@EXPERIMENTS
def test_xla_does_the_same_step(name):
    experiment = steps.EXPERIMENTS[name]
    figures, weights = steps.step(experiment)
    xla_figures, xla_weights = steps.step(experiment, jit_compile=True)
    assert figures.keys() == xla_figures.keys()
    for figure, value in figures.items():
        np.testing.assert_allclose(xla_figures[figure], value, rtol=1e-4, atol=1e-5, err_msg=figure)
    for left, right in zip(xla_weights, weights, strict=True):
        np.testing.assert_allclose(left, right, atol=1e-5)
