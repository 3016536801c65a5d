# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""BERT from PyTorch: which names are read, what is reported, what is refused."""

import importlib.util
import itertools
import json

import numpy as np
import pytest

from realm_tf import types
from realm_tf.models import reader, variable_names
from realm_tf.models.import_weights import hf_bert, imported, safetensors
from tests.models.import_weights import foreign


def _masked_lm(prefix="bert."):
    return foreign.draw(foreign.hf_encoder(prefix, pooler=False) | foreign.hf_head())


def test_encoder_alone(tmp_path):
    tensors = foreign.draw(foreign.hf_encoder())
    made = hf_bert.load(foreign.write_hf(tmp_path, tensors, foreign.CONFIG))
    assert isinstance(made.networks["bert_weights"], imported.Bert)
    assert len(made.report.mapped) == len(tensors)
    assert made.report.notes == (imported.NO_HEAD,)
    ours = variable_names.of_encoder(made.encoder)
    query = ours["encoder/layer_1/query/kernel"].numpy()
    theirs = tensors["encoder.layer.1.attention.self.query.weight"]
    for i, head, d in [(0, 0, 0), (3, 1, 5), (15, 0, 7)]:
        assert query[i, head, d] == theirs[head * foreign.DEPTH + d, i]
    output = ours["encoder/layer_0/attention_output/kernel"].numpy()
    theirs = tensors["encoder.layer.0.attention.output.dense.weight"]
    assert output[1, 2, 3] == theirs[3, foreign.DEPTH + 2]
    np.testing.assert_array_equal(
        ours["encoder/pooler/kernel"].numpy(), tensors["pooler.dense.weight"].T
    )


# In a layer, by what the layers compute (transformers' modeling_bert.py).
PLACES = {
    "attention.self.query": "query",
    "attention.self.key": "key",
    "attention.self.value": "value",
    "attention.output.dense": "attention_output",
    "attention.output.LayerNorm": "attention_norm",
    "intermediate.dense": "intermediate",
    "output.dense": "output",
    "output.LayerNorm": "output_norm",
}


def test_everything_is_in_its_place(tmp_path):
    tensors = foreign.draw(foreign.hf_encoder())
    made = hf_bert.load(foreign.write_hf(tmp_path, tensors, foreign.CONFIG))
    ours = variable_names.of_encoder(made.encoder)
    for i, (source, target) in itertools.product(range(foreign.LAYERS), PLACES.items()):
        kernel, bias = ("gamma", "beta") if "Norm" in source else ("kernel", "bias")
        stored = tensors[f"encoder.layer.{i}.{source}.weight"]
        place = f"encoder/layer_{i}/{target}"
        np.testing.assert_array_equal(
            ours[f"{place}/{kernel}"].numpy().reshape(stored.T.shape), stored.T
        )
        np.testing.assert_array_equal(
            ours[f"{place}/{bias}"].numpy().reshape(-1), tensors[f"encoder.layer.{i}.{source}.bias"]
        )
    for source, target in {"word": "word", "position": "position", "token_type": "type"}.items():
        np.testing.assert_array_equal(
            ours[f"encoder/{target}_embeddings"], tensors[f"embeddings.{source}_embeddings.weight"]
        )


def test_masked_lm_and_its_copies(tmp_path):
    tensors = _masked_lm()
    tensors["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"]
    tensors["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"]
    tensors["cls.seq_relationship.weight"] = np.zeros([2, foreign.HIDDEN], np.float32)
    made = hf_bert.load(foreign.write_hf(tmp_path, tensors, foreign.CONFIG))
    model = made.networks["bert_weights"]
    assert isinstance(model, reader.KnowledgeAugmentedEncoder)
    np.testing.assert_array_equal(model.masked_lm.bias, tensors["cls.predictions.bias"])
    assert made.report.notes == (imported.NO_POOLER,)
    assert dict(made.report.unused) == {
        "cls.predictions.decoder.weight": "tied to the word embeddings",
        "cls.predictions.decoder.bias": "a copy of the head's bias",
        "cls.seq_relationship.weight": "next-sentence head",
    }


def test_untied_decoder_is_refused(tmp_path):
    tensors = _masked_lm()
    tensors["cls.predictions.decoder.weight"] = np.zeros([foreign.VOCAB, foreign.HIDDEN], "f4")
    path = foreign.write_hf(tmp_path, tensors, foreign.CONFIG)
    with pytest.raises(types.UserError, match=r"decoder\.weight differs"):
        hf_bert.load(path)


def test_old_layer_norm_names(tmp_path):
    tensors = foreign.draw(foreign.hf_encoder())
    changes = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    old = {}
    for name, array in tensors.items():
        for new, before in changes.items():
            name = name.replace(new, before)
        old[name] = array
    assert set(old) != set(tensors)
    made = hf_bert.load(foreign.write_hf(tmp_path, old, foreign.CONFIG))
    np.testing.assert_array_equal(
        variable_names.of_encoder(made.encoder)["encoder/embeddings_norm/gamma"],
        tensors["embeddings.LayerNorm.weight"],
    )


def test_weights_in_parts(tmp_path):
    tensors = foreign.draw(foreign.hf_encoder())
    path = foreign.write_hf(tmp_path, tensors, foreign.CONFIG)
    (tmp_path / "model.safetensors").unlink()
    names = sorted(tensors)
    parts = {"model-1.safetensors": names[:9], "model-2.safetensors": names[9:]}
    for file, inside in parts.items():
        safetensors.write(str(tmp_path / file), {n: tensors[n] for n in inside})
    index = {"weight_map": {n: file for file, inside in parts.items() for n in inside}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    made = hf_bert.load(path)
    assert len(made.report.mapped) == len(tensors)
    assert [f.rpartition("/")[2] for f in made.files] == ["config.json", *parts]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder.layer.1.output.dense.bias": None}, r"lacks .*layer\.1\.output\.dense\.bias"),
        ({"encoder.layer.2.output.dense.bias": np.zeros(3, "f4")}, "unknown .*layer.2"),
        ({"pooler.dense.bias": np.zeros(3, "f4")}, r"pooler\.dense\.bias has shape \[3\]"),
    ],
    ids=["missing", "extra", "shape"],
)
def test_faulty_tensors_are_named(tmp_path, change, message):
    tensors = {**foreign.draw(foreign.hf_encoder()), **change}
    tensors = {n: a for n, a in tensors.items() if a is not None}
    path = foreign.write_hf(tmp_path, tensors, foreign.CONFIG)
    with pytest.raises(types.UserError, match=message):
        hf_bert.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_act": "relu"}, "hidden_act 'relu'"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type"),
        ({"num_attention_heads": None}, "num_heads must be of type int"),
        ({"vocab_size": "many"}, "lacks vocab_size"),
    ],
)
def test_faulty_config_is_told(tmp_path, change, message):
    path = foreign.write_hf(tmp_path, {}, {**foreign.CONFIG, **change})
    with pytest.raises(types.UserError, match=message):
        hf_bert.load(path)


def test_config_reaches_the_encoder(tmp_path):
    config = {**foreign.CONFIG, "hidden_act": "gelu_new", "layer_norm_eps": 1e-5}
    made = hf_bert.load(foreign.write_hf(tmp_path, _masked_lm(), config))
    for part in (made.config.embedder, made.config.reader):
        assert part.encoder.activation == "gelu_tanh"
        assert part.encoder.layer_norm_epsilon == 1e-5
    head = made.networks["bert_weights"].masked_lm
    assert head.layer_norm.epsilon == 1e-5


def test_no_weights_is_told(tmp_path):
    foreign.write_hf(tmp_path, {}, foreign.CONFIG)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(types.UserError, match="has no weights"):
        hf_bert.load(str(tmp_path))


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="PyTorch is there")
def test_torch_file_without_torch_is_told(tmp_path):
    foreign.write_hf(tmp_path, {}, foreign.CONFIG)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(types.UserError, match="Install torch"):
        hf_bert.load(str(tmp_path))


def test_vocabulary_and_case_are_found(tmp_path):
    path = foreign.write_hf(tmp_path, foreign.draw(foreign.hf_encoder()), foreign.CONFIG)
    assert hf_bert.load(path).vocab_file is None
    (tmp_path / "vocab.txt").write_text("[PAD]\n", encoding="utf-8")
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": false}', encoding="utf-8")
    made = hf_bert.load(path)
    assert made.vocab_file == str(tmp_path / "vocab.txt")
    assert not made.lower_case


def test_first_layers_alone(tmp_path):
    tensors = _masked_lm()
    made = hf_bert.load(foreign.write_hf(tmp_path, tensors, foreign.CONFIG), 1)
    assert made.config.reader.encoder.num_layers == 1
    assert "the first 1 of 2 layers were kept" in made.report.notes
    ours = variable_names.of_knowledge_encoder(made.networks["bert_weights"])
    assert not any("layer_1" in name for name in ours)
    np.testing.assert_array_equal(
        ours["encoder/layer_0/output/kernel"].numpy(),
        tensors["bert.encoder.layer.0.output.dense.weight"].T,
    )
    assert "only the first 1 layers are kept" in made.report.text()


@pytest.mark.parametrize("layers", [0, 3])
def test_layers_that_are_not_there(tmp_path, layers):
    path = foreign.write_hf(tmp_path, _masked_lm(), foreign.CONFIG)
    with pytest.raises(types.UserError, match=rf"has 2 layers, .* Received: {layers}\."):
        hf_bert.load(path, layers)
