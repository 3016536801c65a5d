# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The exported embedder is the embedder."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from realm_tf import artifacts, types
from realm_tf.models import embedder
from realm_tf.models.inference import embedder_export
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
    assert segment.settings.get("dtype", "float32") == "float32"
    assert any(shard.name == "saved_model/saved_model.pb" for shard in segment.shards)


def test_complete_export_is_not_made_again(two_towers):
    made, segment = two_towers
    before = made.get_weights()
    try:
        tiny.randomise(made, seed=9)
        assert embedder_export.export_embedder(made, segment.path, **PROVENANCE) == segment
    finally:
        made.set_weights(before)


def test_dtype_of_the_settings_is_what_is_computed_in(tmp_path):
    made, inputs = _make(), tiny.inputs(3, 6)
    provenance = {**PROVENANCE, "settings": {"step": 3, "dtype": "bfloat16"}}
    segment = embedder_export.export_embedder(made, str(tmp_path / "e"), **provenance)
    difference = retriever.load_embed_fn(segment, "blocks")(inputs) - made.embed_blocks(inputs)
    assert 1e-5 < np.abs(difference).max() < 0.1


_RELOAD = """
import json, sys
import numpy as np, tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
inputs = {name: tf.constant(x, tf.int32) for name, x in json.loads(sys.argv[2]).items()}
print(json.dumps(loaded.signatures["blocks"](**inputs)["embedding"].numpy().tolist()))
mods = [m for m in sys.modules if m.split(".")[0] in ("official", "tf_keras", "realm_tf")]
assert not mods, mods
"""


@pytest.mark.slow
def test_it_reloads_with_tensorflow_alone(two_towers, tmp_path):
    made, segment = two_towers
    inputs = tiny.inputs(2, 6)
    told = subprocess.run(
        [
            *(sys.executable, "-c", _RELOAD, segment.file("saved_model")),
            json.dumps({name: x.tolist() for name, x in inputs._asdict().items()}),
        ],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if not k.startswith(("TF_", "PYTHON"))},
        check=True,
        capture_output=True,
        text=True,
    )
    vectors = json.loads(told.stdout.splitlines()[-1])
    np.testing.assert_allclose(vectors, made.embed_blocks(inputs), atol=2e-5)


def test_no_keras_layer_is_in_the_saved_model(two_towers):
    saved = saved_model_pb2.SavedModel()
    with open(two_towers[1].file("saved_model/saved_model.pb"), "rb") as f:
        saved.ParseFromString(f.read())
    nodes = saved.meta_graphs[0].object_graph_def.nodes
    kinds = {node.user_object.identifier for node in nodes if node.HasField("user_object")}
    assert kinds
    assert not any("keras" in kind for kind in kinds)


def test_digest_tells_weights_apart():
    model = _make()
    before = embedder_export.weights_digest(model)
    assert embedder_export.weights_digest(model) == before
    variable = model.trainable_variables[0]
    variable.assign_add(np.full(variable.shape, 1e-6, np.float32))
    assert embedder_export.weights_digest(model) != before


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_diverged_weights_are_not_named(wrong):
    model = _make()
    model.trainable_variables[-1].assign(np.full(model.trainable_variables[-1].shape, wrong))
    with pytest.raises(types.UserError, match="has diverged"):
        embedder_export.weights_digest(model)
