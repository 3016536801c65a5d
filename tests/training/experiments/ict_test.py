# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The inverse cloze task trains any form of embedder, on blocks as the template packs them."""

import shutil

import numpy as np
import pytest

from realm_tf.models import embedder, variable_names, weights
from realm_tf.training.experiments import ict
from tests.training import runs


def _train(root, *overrides):
    context = runs.make_context(root, runs.make_config("ict.steps=2", *overrides))
    model = embedder.Embedder(context.config.model.embedder, context.tokenizer.vocab_size)
    model.build_weights()
    return [
        _values(model, segment) for segment in (ict.random_embedder(context), ict.train(context))
    ]


def _values(model, segment):
    weights.restore(model, segment)
    return {n: v.numpy() for n, v in variable_names.of_tower(model.block_tower).items()}


def _differ(left, right):
    return {name for name in left if not np.array_equal(left[name], right[name])}


@pytest.mark.parametrize("normalisation", ["l2", "none"])
def test_mean_pooling_without_projection_is_trained(tmp_path, normalisation):
    start, trained = _train(
        tmp_path,
        "model.embedder.pooling=mean",
        "model.embedder.projection_size=null",
        f"model.embedder.normalisation={normalisation}",
    )
    assert not any("projection" in name for name in start)
    assert {"encoder/word_embeddings", "encoder/layer_0/output/kernel"} <= _differ(start, trained)
    assert all(np.isfinite(value).all() for value in trained.values())


def test_deleted_segment_is_made_again_as_it_was(tmp_path):
    context = runs.make_context(tmp_path, runs.make_config("ict.steps=2"))
    first = ict.train(context)
    values = runs.saved_values(first)
    shutil.rmtree(first.path)
    again = ict.train(context)  # from its last checkpoint
    assert again.counts == first.counts
    runs.require_equal(runs.saved_values(again), values)


def test_template_is_what_it_trains_on(tmp_path):
    (same, with_titles), (start, without) = (
        _train(tmp_path / template, f"blocks.template={template}")
        for template in ("title_body", "body")
    )
    assert not _differ(same, start)
    assert _differ(with_titles, without)
