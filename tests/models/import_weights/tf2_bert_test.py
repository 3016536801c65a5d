# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Model Garden's checkpoints, written by Model Garden itself, in both layouts."""

import numpy as np
import pytest
import tensorflow as tf
from official.modeling import tf_utils
from official.nlp.modeling import layers, models, networks

from realm_tf import types
from realm_tf.models import reader
from realm_tf.models.import_weights import imported, tf2_bert
from tests.models import tiny
from tests.models.import_weights import foreign

SHAPE = {
    "vocab_size": foreign.VOCAB,
    "hidden_size": foreign.HIDDEN,
    "num_layers": foreign.LAYERS,
    "num_attention_heads": foreign.HEADS,
    "max_sequence_length": foreign.POSITIONS,
    "type_vocab_size": foreign.SEGMENTS,
    "inner_dim": foreign.INNER,
}


def _encoder(cls):
    made = cls(**SHAPE, **({"dict_outputs": True} if cls is networks.BertEncoder else {}))
    if cls is networks.BertEncoderV2:
        made(made.inputs)
    tiny.randomise(made)
    return made


def _inputs():
    full = tiny.inputs(2, 7, vocab_size=foreign.VOCAB)
    return full, dict(
        zip(("input_word_ids", "input_mask", "input_type_ids"), map(tf.constant, full), strict=True)
    )


@pytest.mark.parametrize("key", ["encoder", "model"])
@pytest.mark.parametrize("cls", [networks.BertEncoder, networks.BertEncoderV2])
def test_encoder_gives_the_same_outputs(tmp_path, cls, key):
    theirs = _encoder(cls)
    tf.train.Checkpoint(**{key: theirs}).save(str(tmp_path / "ckpt"))
    made = tf2_bert.load(str(tmp_path))
    assert made.report.notes == (imported.NO_HEAD,)
    assert [name for name, _ in made.report.unused] == ["save_counter"]
    assert len(made.report.mapped) == len(theirs.variables)
    full, named = _inputs()
    sequence, pooled = made.encoder(full)
    outputs = theirs(named)
    np.testing.assert_allclose(sequence, outputs["sequence_output"], atol=1e-5)
    np.testing.assert_allclose(pooled, outputs["pooled_output"], atol=1e-5)


def _pretrainer(cls, **kwargs):
    encoder = _encoder(cls)
    gelu = tf_utils.get_activation("gelu")  # as Model Garden's own configurations do
    made = models.BertPretrainerV2(encoder_network=encoder, mlm_activation=gelu, **kwargs)
    _, named = _inputs()
    made({**named, "masked_lm_positions": tf.constant([[1, 2], [3, 4]])})
    tiny.randomise(made)
    return made


@pytest.mark.parametrize("cls", [networks.BertEncoder, networks.BertEncoderV2])
@pytest.mark.parametrize("items", [True, False])
def test_pretrainer_has_its_head(tmp_path, cls, items):
    theirs = _pretrainer(cls)
    kept = theirs.checkpoint_items if items else {"model": theirs}
    tf.train.Checkpoint(**kept).write(str(tmp_path / "ckpt"))
    made = tf2_bert.load(str(tmp_path))
    model = made.networks["bert_weights"]
    assert isinstance(model, reader.KnowledgeAugmentedEncoder)
    np.testing.assert_array_equal(model.masked_lm.bias, theirs.masked_lm.bias)
    np.testing.assert_array_equal(model.masked_lm.dense.kernel, theirs.masked_lm.dense.kernel)
    full, named = _inputs()
    positions = np.array([[1, 2], [3, 4]], np.int32)
    joint = types.EncoderInputs(*(x[:, None] for x in full))
    logits = theirs({**named, "masked_lm_positions": tf.constant(positions)})["mlm_logits"]
    np.testing.assert_allclose(model((joint, positions))[:, 0], logits, atol=1e-4)


def test_pooler_of_a_next_sentence_head(tmp_path):
    head = layers.ClassificationHead(
        inner_dim=foreign.HIDDEN, num_classes=2, name="next_sentence", activation="tanh"
    )
    theirs = _pretrainer(networks.BertEncoder, classification_heads=[head])
    items = theirs.checkpoint_items
    tf.train.Checkpoint(**items).write(str(tmp_path / "whole"))
    stored = dict(tf.train.list_variables(str(tmp_path / "whole")))
    assert f"next_sentence..pooler_dense/kernel{tf2_bert._SUFFIX}" in stored
    made = tf2_bert.load(str(tmp_path))
    # This encoder has a pooler of its own, so the head's is not used.
    unused = {name for name, _ in made.report.unused}
    assert "next_sentence..pooler_dense/kernel" in unused
    # Of variables that two objects share, a checkpoint names one.
    mapped = {row[1]: row[0] for row in made.report.mapped}
    assert mapped["encoder/word_embeddings"] == "masked_lm/embedding_table"


def _write(tmp_path, tensors):
    foreign.write_tf1(tmp_path / "ckpt", {n + tf2_bert._SUFFIX: a for n, a in tensors.items()})
    return str(tmp_path)


def _stored(tmp_path):
    """A functional encoder's checkpoint, as arrays by key."""
    theirs = _encoder(networks.BertEncoder)
    prefix = str(tmp_path / "source")
    tf.train.Checkpoint(encoder=theirs).write(prefix)
    loaded = tf.train.load_checkpoint(prefix)
    return {
        n.removesuffix(tf2_bert._SUFFIX): loaded.get_tensor(n)
        for n, _ in tf.train.list_variables(prefix)
        if n.endswith(tf2_bert._SUFFIX)
    }


def test_released_layout_without_a_pooler_in_the_encoder(tmp_path):
    tensors = _stored(tmp_path)
    own = f"encoder/layer_with_weights-{4 + foreign.LAYERS}/"
    for weight in ("kernel", "bias"):
        tensors[f"next_sentence..pooler_dense/{weight}"] = tensors.pop(own + weight)
    made = tf2_bert.load(_write(tmp_path / "made", tensors))
    mapped = {row[1]: row[0] for row in made.report.mapped}
    assert mapped["encoder/pooler/kernel"] == "next_sentence..pooler_dense/kernel"
    for weight in ("kernel", "bias"):
        del tensors[f"next_sentence..pooler_dense/{weight}"]
    made = tf2_bert.load(_write(tmp_path / "without", tensors))
    assert imported.NO_POOLER in made.report.notes


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("encoder/layer_with_weights-4/_output_dense/bias", None, "lacks variable .*_output_dense"),
        ("encoder/layer_with_weights-4/more", np.zeros(2, "f4"), "unknown variable .*-4/more"),
        ("encoder/layer_with_weights-5/_output_dense/bias", np.zeros(3, "f4"), r"shape \[3\]"),
        ("encoder/layer_with_weights-1/embeddings", None, "no BERT encoder of Model Garden"),
    ],
)
def test_faulty_variables_are_named(tmp_path, name, array, message):
    tensors = {**_stored(tmp_path), name: array}
    path = _write(tmp_path / "made", {n: a for n, a in tensors.items() if a is not None})
    with pytest.raises(types.UserError, match=message):
        tf2_bert.load(path)
