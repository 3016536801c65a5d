# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""REALM's and ORQA's released modules and checkpoints: fixtures of the same names and formats."""

import numpy as np
import pytest

from realm_tf import types
from realm_tf.models import variable_names
from realm_tf.models.import_weights import tf1_realm
from tests.models.import_weights import foreign


def _module(root, tensors):
    """A TF-Hub module's directory."""
    foreign.write_tf1(root / "variables" / "variables", tensors)
    (root / "assets").mkdir()
    (root / "assets" / "vocab.txt").write_text("[PAD]\n", encoding="utf-8")
    foreign.write_config(root / "assets")
    return str(root)


@pytest.mark.parametrize(
    ("depth", "norm", "epsilon"),
    [(0, "layer_normalization", 1e-3), (2, "LayerNorm", 1e-12), (3, "LayerNorm", 1e-12)],
)
def test_embedder_module(tmp_path, depth, norm, epsilon):
    tensors = foreign.draw(foreign.tf1_embedder(depth, norm))
    made = tf1_realm.load(_module(tmp_path, tensors))
    assert made.config.embedder.projection_epsilon == epsilon
    assert made.config.embedder.encoder.activation == "gelu_tanh"
    assert made.vocab_file == str(tmp_path / "assets" / "vocab.txt")
    ours = variable_names.of_embedder(made.networks["embedder_weights"])
    own = "module/" * depth
    np.testing.assert_array_equal(
        ours["block/projection/kernel"].numpy(), tensors[f"{own}dense/kernel"]
    )
    np.testing.assert_array_equal(
        ours["block/encoder/layer_0/intermediate/kernel"].numpy(),
        tensors[f"{own}module/bert/encoder/layer_0/intermediate/dense/kernel"],
    )
    assert len(made.report.unused) == 5  # the MLM head
    assert len(made.report.mapped) + 5 == len(tensors)


def test_reader_module(tmp_path):
    tensors = foreign.draw(foreign.tf1_encoder() | foreign.tf1_head())
    made = tf1_realm.load(_module(tmp_path, tensors))
    model = made.networks["reader_weights"]
    np.testing.assert_array_equal(
        model.masked_lm.bias.numpy(), tensors["cls/predictions/output_bias"]
    )
    assert len(made.report.mapped) == len(tensors)


def test_open_qa_checkpoint(tmp_path):
    tensors = foreign.draw(foreign.tf1_open_qa())
    foreign.write_tf1(tmp_path / "model.ckpt-5", tensors)
    foreign.write_config(tmp_path)
    made = tf1_realm.load(str(tmp_path))
    ours = variable_names.of_open_qa(made.networks["open_qa_weights"])
    pairs = {
        "query/encoder/word_embeddings": "module/" * 4 + "bert/embeddings/word_embeddings",
        "reader/encoder/word_embeddings": "reader/module/bert/embeddings/word_embeddings",
        "query/projection_norm/gamma": "module/module/module/LayerNorm/gamma",
        "reader/span/projection/kernel": "reader/dense/kernel",
        "reader/span/norm/beta": "reader/layer_normalization/beta",
        "reader/span/logit/kernel": "reader/dense_1/kernel",
    }
    for target, source in pairs.items():
        np.testing.assert_array_equal(ours[target].numpy(), tensors[source])
    assert made.config.reader.span_size == foreign.SPAN
    assert made.config.reader.span_epsilon == 1e-3


def test_block_vectors_beside_a_module(tmp_path):
    path = _module(tmp_path, foreign.draw(foreign.tf1_embedder()))
    block_emb = foreign.draw({"block_emb": (7, foreign.PROJECTION)})
    foreign.write_tf1(tmp_path / "encoded" / "encoded.ckpt", block_emb)
    made = tf1_realm.load(path)
    np.testing.assert_array_equal(made.block_emb, block_emb["block_emb"])
    assert any("encoded.ckpt.data" in file for file in made.files)


def test_block_vectors_alone(tmp_path):
    block_emb = foreign.draw({"block_emb": (7, foreign.PROJECTION)})
    foreign.write_tf1(tmp_path / "encoded.ckpt", block_emb)
    made = tf1_realm.load(str(tmp_path / "encoded.ckpt"))
    assert made.networks == {}
    np.testing.assert_array_equal(made.block_emb, block_emb["block_emb"])


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("module/module/dense/bias", None, "lacks variable module/module/dense/bias"),
        ("module/module/more", (2,), "unknown variable module/module/more"),
        ("module/module/LayerNorm/beta", (2,), r"LayerNorm/beta has shape \[2\]"),
        ("module/module/LayerNorm/gamma", None, "one projection layer LayerNorm"),
        ("module/dense/kernel", (16, 6), "one projection layer dense. Found 2"),
    ],
)
def test_faulty_variables_are_named(tmp_path, name, shape, message):
    shapes = {**foreign.tf1_embedder(), name: shape}
    path = _module(tmp_path, foreign.draw({n: s for n, s in shapes.items() if s is not None}))
    with pytest.raises(types.UserError, match=message):
        tf1_realm.load(path)


def test_what_is_no_realm_is_refused(tmp_path):
    with pytest.raises(
        types.UserError, match="Found bert/embeddings/word_embeddings under: nothing"
    ):
        tf1_realm.load(_module(tmp_path, foreign.draw({"x": (2,)})))
