# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The best weights of a run survive it, and what came later."""

import pathlib

import pytest
import tensorflow as tf

from realm_tf import types
from realm_tf.training.engine import best_weights


class _Model(tf.Module):
    def __init__(self, value):
        super().__init__()
        self.weight = tf.Variable(value)


def test_best_is_kept_over_a_restart(tmp_path):
    model = _Model(1.0)
    kept = best_weights.BestWeights(model, str(tmp_path))
    for step, (weight, value) in enumerate([(1.0, 0.2), (2.0, 0.7), (3.0, 0.7), (4.0, 0.1)]):
        model.weight.assign(weight)
        kept.offer(step, value)
    again = _Model(0.0)
    known = best_weights.BestWeights(again, str(tmp_path))
    assert (known.step, known.value) == (1, 0.7)
    known.restore()
    assert float(again.weight) == 2.0
    assert {p.name.split(".")[0] for p in pathlib.Path(tmp_path).iterdir()} == {
        "best",
        "best-000000001",
    }
    again.weight.assign(5.0)
    known.offer(9, 0.8)
    known.restore()
    assert (known.step, float(again.weight)) == (9, 5.0)


def test_nothing_kept_is_refused(tmp_path):
    with pytest.raises(types.UserError, match="no best weights"):
        best_weights.BestWeights(_Model(1.0), str(tmp_path)).restore()
