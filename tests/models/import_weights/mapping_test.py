# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Rules: heads, transposition, and that nothing is dropped or filled in silence."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import types
from realm_tf.models.import_weights import mapping

QUERY = "encoder/layer_0/query/kernel"
OUTPUT = "encoder/layer_0/attention_output/kernel"


@pytest.mark.parametrize(
    ("target", "shape", "stored"),
    [
        (QUERY, (6, 2, 3), (6, 6)),
        ("encoder/layer_0/key/bias", (2, 3), (6,)),
        (OUTPUT, (2, 4, 3), (8, 3)),
        ("encoder/layer_0/output/kernel", (5, 3), (5, 3)),
    ],
)
def test_heads_are_flattened_where_they_are(target, shape, stored):
    assert mapping.Rule("s", target).stored_shape(shape) == stored
    assert mapping.Rule("s", target, transposed=True).stored_shape(shape) == stored[::-1]
    assert mapping.Rule("s", target, split_heads=True).stored_shape(shape) == shape


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("target", [QUERY, OUTPUT])
def test_there_and_back(target, transposed):
    rule = mapping.Rule("s", target, transposed=transposed)
    ours = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    stored = rule.from_ours(ours)
    assert stored.shape == rule.stored_shape(ours.shape)
    np.testing.assert_array_equal(rule.to_ours(stored, ours.shape), ours)


def test_torch_query_is_inputs_by_heads():
    stored = np.arange(36, dtype=np.float32).reshape(6, 6)  # [outputs, inputs]
    ours = mapping.Rule("s", QUERY, transposed=True).to_ours(stored, (6, 2, 3))
    for i, head, d in np.ndindex(6, 2, 3):
        assert ours[i, head, d] == stored[head * 3 + d, i]


def _fill(tensors, unused=()):
    variables = {"a": tf.Variable(tf.zeros([2])), "b": tf.Variable(tf.zeros([2, 3]))}
    rules = [mapping.Rule("x", "a"), mapping.Rule("y", "b", transposed=True)]
    report = mapping.fill(variables, tensors, rules, unused=unused, where="source")
    return variables, report


GOOD = {"x": np.array([1, 2], np.float32), "y": np.arange(6, dtype=np.float32).reshape(3, 2)}


def test_fills_and_reports():
    variables, report = _fill({**GOOD, "old": GOOD["x"]}, [mapping.Unused("o.d", "not needed")])
    np.testing.assert_array_equal(variables["b"].numpy(), GOOD["y"].T)
    assert [row[:2] for row in report.mapped] == [("x", "a"), ("y", "b")]
    assert report.unused == (("old", "not needed"),)
    text = report.text()
    for part in ("2 tensors mapped, 1 not used", "y [3, 2] -> b [2, 3]", "old: not needed"):
        assert part in text


def test_half_precision_is_widened():
    variables, _ = _fill({**GOOD, "x": np.array([1, 0.5], np.float16)})
    np.testing.assert_array_equal(variables["a"].numpy(), [1, 0.5])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": None}, "lacks variable x"),
        ({"z": GOOD["x"]}, "holds the unknown variable z"),
        ({"y": GOOD["y"].T}, r"y has shape \[2, 3\], but \[3, 2\] is needed for b"),
        ({"x": np.array([1, 2])}, "x holds int64"),
    ],
)
def test_faults_name_the_variable(change, message):
    tensors = {n: a for n, a in {**GOOD, **change}.items() if a is not None}
    with pytest.raises(types.UserError, match=message) as error:
        _fill(tensors)
    assert "\n" not in str(error.value)


def test_a_copy_must_be_one():
    unused = [mapping.Unused("copy", "tied", equal_to="x")]
    _fill({**GOOD, "copy": GOOD["x"]}, unused)
    with pytest.raises(types.UserError, match="copy differs from x"):
        _fill({**GOOD, "copy": GOOD["x"] + 1}, unused)


def test_rules_must_cover_the_network():
    with pytest.raises(ValueError, match="do not fit the network"):
        mapping.fill({"a": tf.Variable(0.0)}, {}, [], where="source")
