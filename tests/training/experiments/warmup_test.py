# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The warm-up's gate: passed, it ends training; not passed, it says so."""

import dataclasses

import numpy as np
import pytest

from realm_tf import artifacts
from realm_tf.data.examples import masking
from realm_tf.models import reader, weights
from realm_tf.training.experiments import warmup
from realm_tf.training.run import masked_examples
from tests.training import runs


def _train(tmp_path, *overrides):
    prefixed = (f"pretrain.warmup.{override}" for override in overrides)
    context = runs.make_context(tmp_path, runs.make_config(*prefixed))
    return context, warmup.train(context)


def test_passed_gate_ends_training(tmp_path):
    context, made = _train(tmp_path, "max_steps=8", "copy_accuracy=0.0")
    assert made.counts["steps"] == 2  # the first check
    assert made.counts["passed"] == 1
    assert 0 <= made.counts["copy_accuracy"] <= 1
    assert warmup.train(context) == made


def test_gate_that_is_not_passed_uses_up_the_steps(tmp_path):
    _, made = _train(tmp_path, "max_steps=4", "copy_accuracy=1.0")
    assert (made.counts["steps"], made.counts["passed"]) == (4, 0)


def test_killed_behind_its_gate_it_trains_no_further(tmp_path, monkeypatch):
    def killed(*args, **kwargs):
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(weights, "save", killed)
        with pytest.raises(InterruptedError):
            _train(tmp_path, "max_steps=8", "copy_accuracy=0.0")
    _, made = _train(tmp_path, "max_steps=8", "copy_accuracy=0.0")
    assert (made.counts["steps"], made.counts["passed"]) == (2, 1)


def test_gate_is_not_looked_at_on_null_blocks(tmp_path):
    _, made = _train(tmp_path, "null_steps=3", "max_steps=4", "copy_accuracy=0.0")
    assert (made.counts["steps"], made.counts["passed"]) == (4, 1)


def test_no_warmup_passes_with_the_weights_as_made(tmp_path):
    _, made = _train(tmp_path)
    assert (made.counts["steps"], made.counts["passed"]) == (0, 1)


def test_segment_holds_a_reader(tmp_path):
    context, made = _train(tmp_path, "max_steps=2")
    assert artifacts.open_segment(made.path, warmup.KIND) == made
    model = reader.KnowledgeAugmentedEncoder(
        context.config.model.reader, context.tokenizer.vocab_size
    ).build_weights()
    before = model.get_weights()
    weights.restore(model, made)
    assert any(not np.array_equal(a, b) for a, b in zip(model.get_weights(), before, strict=True))


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    return runs.make_context(tmp_path_factory.mktemp("warmup"))


def test_held_out_documents_are_kept_from_training(context):
    table = context.passages
    spans, _ = masking.eligible_spans(table, query_length=14, max_masks=5)
    held_out = context.is_held_out(table)
    assert 0 < held_out.sum() < len(table)
    chosen = {}
    for kept in (False, True):
        batches = masked_examples.make_batches(context, held_out=kept, batch_size=4, stage="s")
        rows = [r for i in range(60) for r in batches.make_batch(i, mode="own").candidate_rows]
        chosen[kept] = {int(row[0]) for row in rows}
        assert {bool(held_out[row]) for row in chosen[kept]} == {kept}
    rows_with_spans = {table.row_of_span(int(span)) for span in spans}
    assert chosen[False] | chosen[True] == rows_with_spans


@pytest.mark.parametrize(("distract", "is_other"), [(1.0, True), (0.0, False)])
def test_distracted_batches_read_other_blocks_and_keep_their_targets(context, distract, is_other):
    settings = (f"pretrain.warmup.distract={distract}", "pretrain.warmup.substitute=1.0")
    made = warmup._Warmup(
        dataclasses.replace(context, config=runs.make_config(*settings)), start=None
    )
    for i in range(3):
        own, batch = made._training.make_batch(i, mode="own"), made._make_batch(i)
        assert np.array_equal(batch.mask_targets, own.mask_targets) == is_other
        assert np.array_equal(batch.candidate_rows, own.candidate_rows) != is_other


def test_template_is_what_the_embedder_reads(tmp_path):
    context = runs.make_context(tmp_path, runs.make_config("blocks.template=body"))
    batches = masked_examples.make_batches(context, held_out=False, batch_size=2, stage="pretrain")
    assert not batches.make_batch(0, mode="own").blocks.type_ids.any()
