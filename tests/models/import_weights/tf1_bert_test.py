# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Google's BERT checkpoint: its names, its configuration, and what an optimiser left in it."""

import numpy as np
import pytest

from realm_tf import types
from realm_tf.models import reader, variable_names
from realm_tf.models.import_weights import hf_bert, imported, tf1_bert
from tests.models.import_weights import foreign


def _write(folder, tensors, *, config=True):
    foreign.write_tf1(folder / "bert_model.ckpt", tensors)
    if config:
        foreign.write_config(folder)
    return str(folder)


def test_everything_is_mapped_or_reported(tmp_path):
    tensors = foreign.draw(foreign.tf1_bert())
    made = tf1_bert.load(_write(tmp_path, tensors))
    assert isinstance(made.networks["bert_weights"], reader.KnowledgeAugmentedEncoder)
    assert dict(made.report.unused) == {
        "cls/seq_relationship/output_weights": "next-sentence head",
        "cls/seq_relationship/output_bias": "next-sentence head",
        "bert/pooler/dense/kernel/adam_m": "a variable of the optimiser",
        "global_step": "a variable of the optimiser",
    }
    assert len(made.report.mapped) == len(tensors) - 4
    assert made.report.notes == ()
    ours = variable_names.of_knowledge_encoder(made.networks["bert_weights"])
    value = ours["encoder/layer_1/value/kernel"].numpy()
    theirs = tensors["bert/encoder/layer_1/attention/self/value/kernel"]
    for i, head, d in [(0, 0, 0), (3, 1, 5), (15, 0, 7)]:
        assert value[i, head, d] == theirs[i, head * foreign.DEPTH + d]


def test_equals_the_same_bert_from_pytorch(tmp_path):
    tensors = foreign.draw(foreign.tf1_encoder() | foreign.tf1_head())
    made = tf1_bert.load(_write(tmp_path / "tf", tensors))
    torch = {}
    for name, array in tensors.items():
        key = name.replace("layer_", "layer.").replace("/", ".").replace("output_bias", "bias")
        for old, new in {".kernel": ".weight", ".gamma": ".weight", ".beta": ".bias"}.items():
            key = key.replace(old, new)
        key += ".weight" if key.endswith("_embeddings") else ""
        torch[key] = array.T if name.endswith("kernel") else array
    same = hf_bert.load(foreign.write_hf(tmp_path / "hf", torch, foreign.CONFIG))
    ours, theirs = made.networks["bert_weights"], same.networks["bert_weights"]
    for left, right in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_gelu_is_the_tanh_form(tmp_path):
    made = tf1_bert.load(_write(tmp_path, foreign.draw(foreign.tf1_bert())))
    assert made.config.embedder.encoder.activation == "gelu_tanh"
    assert made.config.embedder.encoder.num_heads == foreign.HEADS


def test_head_may_be_missing(tmp_path):
    made = tf1_bert.load(_write(tmp_path, foreign.draw(foreign.tf1_encoder())))
    assert made.report.notes == (imported.NO_HEAD,)


def test_heads_need_a_config(tmp_path):
    path = _write(tmp_path, foreign.draw(foreign.tf1_encoder()), config=False)
    with pytest.raises(types.UserError, match="number of attention heads"):
        tf1_bert.load(path)


def test_config_of_another_model_is_refused(tmp_path):
    shapes = foreign.tf1_encoder()
    shapes["bert/embeddings/position_embeddings"] = (50, foreign.HIDDEN)
    with pytest.raises(types.UserError, match=r"max_position_embeddings 40, but .* 50"):
        tf1_bert.load(_write(tmp_path, foreign.draw(shapes)))


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("bert/pooler/dense/bias", None, "lacks variable bert/pooler/dense/bias"),
        ("bert/embeddings/word_embeddings", None, "lacks variable bert/embeddings/word_emb"),
        ("bert/more", (2,), "unknown variable bert/more"),
        ("bert/encoder/layer_1/output/dense/kernel", (16, 16), r"output/dense/kernel .*\[16, 16\]"),
    ],
)
def test_faulty_variables_are_named(tmp_path, name, shape, message):
    shapes = {**foreign.tf1_bert(), name: shape}
    path = _write(tmp_path, foreign.draw({n: s for n, s in shapes.items() if s is not None}))
    with pytest.raises(types.UserError, match=message):
        tf1_bert.load(path)


def test_prefix_and_directory_are_the_same(tmp_path):
    path = _write(tmp_path, foreign.draw(foreign.tf1_bert()))
    (tmp_path / "vocab.txt").write_text("[PAD]\n", encoding="utf-8")
    made = [tf1_bert.load(p) for p in (path, f"{path}/bert_model.ckpt")]
    assert made[0].files == made[1].files
    assert made[0].vocab_file == made[1].vocab_file == f"{path}/vocab.txt"
    assert made[0].lower_case
    (tmp_path / "vocab.txt").write_text("[PAD]\nAnna\nanna\n", encoding="utf-8")
    cased = tf1_bert.load(path)
    assert not cased.lower_case
    assert any("the vocabulary has capitals" in note for note in cased.report.notes)


def test_two_checkpoints_are_refused(tmp_path):
    path = _write(tmp_path, foreign.draw(foreign.tf1_bert()))
    foreign.write_tf1(tmp_path / "other.ckpt", foreign.draw({"x": (2,)}))
    with pytest.raises(types.UserError, match=r"one checkpoint.*bert_model\.ckpt\.index, other"):
        tf1_bert.load(path)


def test_damaged_checkpoint_is_told(tmp_path):
    path = _write(tmp_path, foreign.draw(foreign.tf1_bert()))
    (tmp_path / "bert_model.ckpt.index").write_bytes(b"nothing")
    with pytest.raises(types.UserError, match="not a readable checkpoint"):
        tf1_bert.load(path)


def test_no_checkpoint_is_told(tmp_path):
    with pytest.raises(types.UserError, match="neither a checkpoint's prefix nor a directory"):
        tf1_bert.load(str(tmp_path / "none"))
