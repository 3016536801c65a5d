# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Export to the PyTorch port: bit for bit, there and back."""

import dataclasses
import json

import numpy as np
import pytest

from realm_tf import types
from realm_tf.models.import_weights import hf_export, hf_realm, safetensors
from tests.models.import_weights import foreign


def _load(path, tensors):
    return hf_realm.load(foreign.write_hf(path, tensors, foreign.REALM_CONFIG))


def _export(path, made, config=None):
    ((kind, model),) = made.networks.items()
    path.mkdir()
    return hf_export.save(str(path), kind, model, config or made.config, made.vocab_size)


def _two_towers():
    tensors = foreign.hf_realm("RealmScorer")
    tensors["query_embedder.cls.dense.bias"] = tensors["query_embedder.cls.dense.bias"] + 1
    return tensors


SOURCES = {
    name: lambda name=name: foreign.hf_realm(name)
    for name in ("RealmEmbedder", "RealmKnowledgeAugEncoder", "RealmReader", "RealmForOpenQA")
}
SOURCES["RealmScorer"] = _two_towers


@pytest.mark.parametrize("name", SOURCES)
def test_round_trip_is_bit_exact(tmp_path, name):
    tensors = SOURCES[name]()
    made = _load(tmp_path / "in", tensors)
    assert _export(tmp_path / "out", made) == ()
    written = safetensors.read(str(tmp_path / "out" / "model.safetensors"))
    assert set(written) == {row[0] for row in made.report.mapped}
    for key, array in written.items():
        assert array.tobytes() == tensors[key].tobytes()
        assert array.shape == tensors[key].shape
    again = hf_realm.load(str(tmp_path / "out"))
    assert again.config == made.config
    ((_, ours),), ((_, theirs),) = made.networks.items(), again.networks.items()
    for left, right in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_config_says_what_it_is(tmp_path):
    _export(tmp_path / "out", _load(tmp_path / "in", foreign.hf_realm("RealmReader")))
    config = json.loads((tmp_path / "out" / "config.json").read_text(encoding="utf-8"))
    assert config["architectures"] == ["RealmReader"]
    assert config["model_type"] == "realm"
    assert config["pad_token_id"] == 0  # the port's default is another
    for key, value in foreign.REALM_CONFIG.items():
        assert config[key] == value


def test_another_projection_epsilon_is_told(tmp_path):
    made = _load(tmp_path / "in", foreign.hf_realm("RealmEmbedder"))
    embedder = dataclasses.replace(made.config.embedder, projection_epsilon=1e-3)
    config = dataclasses.replace(made.config, embedder=embedder)
    (note,) = _export(tmp_path / "out", made, config)
    assert "epsilon" in note


def test_encoders_of_two_shapes_are_refused(tmp_path):
    made = _load(tmp_path / "in", foreign.hf_realm("RealmForOpenQA"))
    encoder = dataclasses.replace(made.config.reader.encoder, layer_norm_epsilon=1e-6)
    reader = dataclasses.replace(made.config.reader, encoder=encoder)
    with pytest.raises(types.UserError, match="one configuration for both"):
        _export(tmp_path / "out", made, dataclasses.replace(made.config, reader=reader))


def test_a_bert_is_refused(tmp_path):
    made = _load(tmp_path / "in", foreign.hf_realm("RealmReader"))
    ((_, model),) = made.networks.items()
    with pytest.raises(types.UserError, match="no model for weights of kind 'bert_weights'"):
        hf_export.save(str(tmp_path), "bert_weights", model, made.config, made.vocab_size)
