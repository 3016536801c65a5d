# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Weights as segments: back as they were, and into a model of their shape alone."""

import numpy as np
import pytest

from realm_tf import artifacts, types
from realm_tf.models import embedder, weights
from tests.models import tiny

HEAD = {"kind": "embedder_weights", "settings": {"seed": 1}, "made_from": {"tokenizer": "t"}}


def _make(seed=0, **changes):
    made = embedder.Embedder(tiny.embedder_config(**changes), tiny.VOCAB_SIZE).build_weights()
    tiny.randomise(made, seed=seed)
    return made


@pytest.fixture
def saved(tmp_path):
    made = _make()
    return made, weights.save(made, str(tmp_path / "w"), counts={"steps": 7}, **HEAD)


def test_restored_weights_are_equal(saved):
    made, segment = saved
    other = _make(seed=1)
    weights.restore(other, segment)
    for left, right in zip(other.get_weights(), made.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_segment_is_whole(saved):
    _, segment = saved
    assert artifacts.open_segment(segment.path, "embedder_weights") == segment
    assert segment.counts == {"steps": 7}
    assert len(segment.shards) == 2  # index and data, and not TensorFlow's `checkpoint` file


@pytest.mark.parametrize(
    "change", [{"projection_size": 5}, {"two_towers": True}], ids=lambda c: next(iter(c))
)
def test_another_shape_is_refused(saved, change):
    _, segment = saved
    with pytest.raises(types.UserError, match="does not fit the configured model") as error:
        weights.restore(_make(**change), segment)
    assert "\n" not in str(error.value)
    assert segment.path in str(error.value)


def test_a_directory_may_have_any_name(tmp_path):
    made, other = _make(), _make(seed=1)
    segment = weights.save(made, str(tmp_path / "w [1] *?"), counts={}, **HEAD)
    weights.restore(other, segment)
    for left, right in zip(other.get_weights(), made.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    assert weights.vocab_size(segment) == tiny.VOCAB_SIZE
