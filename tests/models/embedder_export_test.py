# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The exported embedder is the embedder."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import artifacts
from realm_tf.models import embedder, embedder_export
from realm_tf.retrieval import retriever
from tests.models import tiny

PROVENANCE = {"settings": {"step": 3}, "made_from": {"tokenizer": "t" * 64}}


def _make(**changes):
    made = embedder.Embedder(tiny.embedder_config(**changes), tiny.VOCAB_SIZE).build_weights()
    tiny.randomise(made)
    return made


@pytest.fixture(scope="module")
def two_towers(tmp_path_factory):
    made = _make(two_towers=True)
    path = str(tmp_path_factory.mktemp("export") / "embedder")
    return made, embedder_export.export_embedder(made, path, **PROVENANCE)


def test_each_signature_is_its_own_tower(two_towers):
    made, segment = two_towers
    for signature, embed in (("queries", made.embed_queries), ("blocks", made.embed_blocks)):
        exported = retriever.load_embed_fn(segment, signature)
        for length in (5, 9):
            inputs = tiny.padded(tiny.inputs(3, length), 2, word_id=0)
            np.testing.assert_allclose(exported(inputs), embed(inputs), atol=1e-5)


def test_export_is_in_inference_mode(tmp_path):
    made, inputs = _make(dropout=0.5), tiny.inputs(2, 6)
    segment = embedder_export.export_embedder(made, str(tmp_path / "e"), **PROVENANCE)
    exported = retriever.load_embed_fn(segment, "blocks")
    np.testing.assert_allclose(exported(inputs), made.embed_blocks(inputs), atol=1e-5)


def test_segment_says_what_it_is(two_towers):
    made, segment = two_towers
    assert artifacts.open_segment(segment.path, "embedder") == segment
    assert (segment.settings, segment.made_from) == tuple(PROVENANCE.values())
    assert segment.counts["parameters"] == sum(int(tf.size(v)) for v in made.variables)
    assert any(shard.name == "saved_model/saved_model.pb" for shard in segment.shards)


def test_complete_export_is_not_made_again(two_towers):
    made, segment = two_towers
    before = made.get_weights()
    try:
        tiny.randomise(made, seed=9)
        assert embedder_export.export_embedder(made, segment.path, **PROVENANCE) == segment
    finally:
        made.set_weights(before)
