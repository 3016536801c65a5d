# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The lean reader is the training layers' function."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import types
from realm_tf.models import reader
from realm_tf.models.inference import lean_reader
from tests.models import tiny


@pytest.mark.parametrize("changes", [{}, {"span_epsilon": 0.5}, {"max_span_width": 1}], ids=str)
def test_equal_to_the_training_layers(changes):
    model = reader.SpanReader(tiny.reader_config(**changes), tiny.VOCAB_SIZE).build_weights()
    tiny.randomise(model)
    mask = (np.arange(12) < np.array([[12], [9], [2]])).astype(np.int32)
    joint = types.EncoderInputs(*map(tf.constant, tiny.inputs(3, 12)._replace(mask=mask)))
    expected = model(joint, training=False).numpy()
    assert expected.std() > 0.05
    logits = lean_reader.LeanSpanReader(model)(joint).numpy()
    np.testing.assert_allclose(logits, expected, atol=2e-5 * max(1.0, np.abs(expected).max()))


def test_bfloat16_is_close():
    model = reader.SpanReader(tiny.reader_config(), tiny.VOCAB_SIZE).build_weights()
    tiny.randomise(model)
    joint = types.EncoderInputs(*map(tf.constant, tiny.inputs(3, 12)))
    exact, close = (
        lean_reader.LeanSpanReader(model, dtype=dtype)(joint) for dtype in ("float32", "bfloat16")
    )
    assert close.dtype == tf.float32
    assert 0 < np.abs(close - exact).mean() < 0.05 * np.std(exact)


def test_weights_are_copied():
    model = reader.SpanReader(tiny.reader_config(), tiny.VOCAB_SIZE).build_weights()
    joint = types.EncoderInputs(*map(tf.constant, tiny.inputs(1, 6)))
    lean = lean_reader.LeanSpanReader(model)
    before = lean(joint).numpy()
    model.span_logit.bias.assign_add([1.0])
    np.testing.assert_array_equal(lean(joint), before)
