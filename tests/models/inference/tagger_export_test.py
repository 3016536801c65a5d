# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The exported tagger is the trained one, needs TensorFlow alone, and carries its vocabulary."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import artifacts
from realm_tf.models import span_tagger
from realm_tf.models.inference import tagger_export
from realm_tf.text import tokenizer as tokenizer_lib
from tests.models import taggers, tiny
from tests.text import vocabularies

NUM_TAGS = 5

# What a server has: TensorFlow, and nothing of ours.
_ALONE = """
import json, sys
import tensorflow as tf
tag = tf.saved_model.load(sys.argv[1]).signatures["tag"]
ids = tf.constant(json.loads(sys.argv[2]))
print(json.dumps(tag(word_ids=ids, mask=tf.ones_like(ids))["logits"].numpy().tolist()))
assert not [m for m in sys.modules if m.startswith(("realm_tf", "tensorflow_text", "official"))]
"""


def _model():
    model = span_tagger.SpanTagger(tiny.ENCODER, tiny.VOCAB_SIZE, NUM_TAGS).build_weights()
    tiny.randomise(model)
    return model


def _inputs():
    full = tiny.inputs(3, 12)
    mask = (np.arange(12) < np.array([[12], [9], [2]])).astype(np.int32)
    return full._replace(mask=mask, type_ids=np.zeros_like(mask))


@pytest.mark.parametrize(("dtype", "atol"), [("float32", 2e-5), ("bfloat16", 0.2)])
def test_lean_graph_is_the_training_layers(dtype, atol):
    model, inputs = _model(), _inputs()
    lean = tagger_export.LeanTagger(model, tiny.ENCODER, dtype=dtype)
    logits, expected = lean.logits(inputs), model(inputs).numpy()
    assert logits.shape == (3, 12, NUM_TAGS)
    assert logits.dtype == np.float32
    seen = inputs.mask.astype(bool)
    np.testing.assert_allclose(logits[seen], expected[seen], atol=atol)
    assert np.ptp(expected[seen]) > 1


def test_saved_model_needs_tensorflow_alone(tmp_path):
    tokenizer = vocabularies.tokenizer()
    made = taggers.segment(tmp_path, tokenizer, {"warsaw": "B-LOC"})
    ids = [[tokenizer.vocab.index("the"), tokenizer.vocab.index("warsaw")]]
    command = [sys.executable, "-c", _ALONE, made.file(artifacts.SAVED_MODEL), json.dumps(ids)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert np.array(json.loads(done.stdout)).argmax(-1).tolist() == [[0, 1]]


def test_segment_has_vocabulary_and_metrics(tmp_path):
    tokenizer = vocabularies.tokenizer(lower_case=False)
    made = taggers.segment(tmp_path, tokenizer, {"warsaw": "B-LOC"})
    assert made.kind == "span_tagger"
    assert made.settings["labels"] == ["LOC"]
    assert tokenizer_lib.Tokenizer.open(made).fingerprint == tokenizer.fingerprint
    metrics = pathlib.Path(made.file(tagger_export.METRICS)).read_text()
    assert json.loads(metrics) == {"dev": {}}
    inputs = _inputs()._replace(
        word_ids=np.full((3, 12), tokenizer.vocab.index("warsaw"), np.int32)
    )
    assert (tagger_export.load(made)(inputs).argmax(-1) == 1).all()


def test_later_training_does_not_change_it():
    model, inputs = _model(), _inputs()
    lean = tagger_export.LeanTagger(model, tiny.ENCODER)
    before = lean.logits(inputs)
    tiny.randomise(model, seed=7)
    np.testing.assert_array_equal(lean.logits(inputs), before)
    assert not any(isinstance(m, tf.keras.layers.Layer) for m in lean.submodules)
