# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Nothing to mask is told with its reason."""

import dataclasses

import pytest

from realm_tf import types
from realm_tf.training.run import masked_examples
from tests.data import example_passages
from tests.training import runs


def _make(context, *, held_out=False):
    return masked_examples.make_batches(context, held_out=held_out, batch_size=4, stage="test")


def test_no_span_at_all(tmp_path):
    context = runs.make_context(tmp_path)
    plain = [
        dataclasses.replace(p, spans=()) for p in example_passages.passages(seed=1, num_docs=5)
    ]
    blocks, spans = example_passages.segments(tmp_path / "plain", plain)
    context = dataclasses.replace(context, blocks=blocks, spans=spans)
    with pytest.raises(types.UserError, match="No salient span") as told:
        _make(context)
    assert "tagging.tagger=rules" in str(told.value)
    assert "tagging.dates=en" in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("override", "held_out", "message"),
    [
        ("pretrain.max_masks=1", False, r"can be masked; skipped: .* Raise pretrain.query_length"),
        ("evaluation.held_out_fraction=0.0001", True, "is in the held-out documents"),
        ("evaluation.held_out_fraction=0.9999", False, "is in the documents to train on"),
    ],
)
def test_no_span_is_left(tmp_path, override, held_out, message):
    context = runs.make_context(tmp_path, runs.make_config(override))
    if "max_masks" in override:  # spans of one wordpiece are left out of the passages
        made = example_passages.passages(seed=1, num_docs=5)
        long = [
            dataclasses.replace(
                p, spans=tuple(s for s in p.spans if s.token_limit - s.token_start > 1)
            )
            for p in made
        ]
        blocks, spans = example_passages.segments(tmp_path / "long", long)
        context = dataclasses.replace(context, blocks=blocks, spans=spans)
    with pytest.raises(types.UserError, match=message):
        _make(context, held_out=held_out)
