# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The PyTorch port's five models: told apart, imported strictly, and equal in their outputs."""

import json
import pathlib

import numpy as np
import pytest

from realm_tf import types
from realm_tf.models import variable_names
from realm_tf.models.import_weights import hf_realm
from tests.models.import_weights import foreign

ORACLE = pathlib.Path(__file__).parents[3] / ".." / "shared" / "oracle"
needs_oracle = pytest.mark.skipif(not ORACLE.exists(), reason="the oracle is not there")

KINDS = {
    "RealmEmbedder": "embedder_weights",
    "RealmScorer": "embedder_weights",
    "RealmKnowledgeAugEncoder": "reader_weights",
    "RealmReader": "span_reader_weights",
    "RealmForOpenQA": "open_qa_weights",
}


def _load(tmp_path, tensors):
    return hf_realm.load(foreign.write_hf(tmp_path, tensors, foreign.REALM_CONFIG))


@pytest.mark.parametrize("name", KINDS)
def test_models_are_told_apart(tmp_path, name):
    tensors = foreign.hf_realm(name)
    made = _load(tmp_path, tensors)
    assert list(made.networks) == [KINDS[name]]
    assert f"read as a {name}" in made.report.notes
    seen = {row[0] for row in (*made.report.mapped, *made.report.unused)}
    assert seen == set(tensors) - {"block_emb"}


def test_config_is_the_port_s(tmp_path):
    config = _load(tmp_path, foreign.hf_realm("RealmEmbedder")).config
    assert config.embedder.encoder.activation == "gelu_tanh"
    assert config.embedder.projection_size == foreign.PROJECTION
    assert config.embedder.projection_epsilon == 1e-12  # the port's one epsilon
    assert (config.reader.span_size, config.reader.max_span_width) == (foreign.SPAN, 3)
    assert config.reader.span_epsilon == 1e-3


def test_block_vectors_are_kept_aside(tmp_path):
    tensors = foreign.hf_realm("RealmForOpenQA")
    made = _load(tmp_path, tensors)
    np.testing.assert_array_equal(made.block_emb, tensors["block_emb"])


def test_one_tower_where_the_scorer_shares_it(tmp_path):
    made = _load(tmp_path, foreign.hf_realm("RealmScorer"))
    model = made.networks["embedder_weights"]
    assert not made.config.embedder.two_towers
    assert model.query_tower is model.block_tower
    reasons = {reason for name, reason in made.report.unused if name.startswith("query_embedder")}
    assert reasons == {"the block embedder, listed again"}


def test_two_towers_where_it_does_not(tmp_path):
    tensors = foreign.hf_realm("RealmScorer")
    tensors["query_embedder.cls.dense.bias"] = tensors["query_embedder.cls.dense.bias"] + 1
    made = _load(tmp_path, tensors)
    assert made.config.embedder.two_towers
    ours = variable_names.of_embedder(made.networks["embedder_weights"])
    for tower, source in (("block", "embedder"), ("query", "query_embedder")):
        np.testing.assert_array_equal(
            ours[f"{tower}/projection/bias"].numpy(), tensors[f"{source}.cls.dense.bias"]
        )


def test_unused_heads_are_reported(tmp_path):
    unused = dict(_load(tmp_path, foreign.hf_realm("RealmEmbedder")).report.unused)
    assert unused["cls.predictions.transform.dense.weight"].startswith("MLM head")
    assert len(unused) == 7


@pytest.mark.parametrize("name", ["RealmKnowledgeAugEncoder", "RealmReader", "RealmForOpenQA"])
def test_reader_may_lack_its_pooler(tmp_path, name):
    tensors = foreign.hf_realm(name)
    prefix = "reader.realm.pooler." if name == "RealmForOpenQA" else "realm.pooler."
    kept = {n: a for n, a in tensors.items() if not n.startswith(prefix)}
    assert len(kept) == len(tensors) - 2
    notes = _load(tmp_path, kept).report.notes
    assert any("no pooler" in note for note in notes)


@pytest.mark.parametrize("name", ["RealmEmbedder", "RealmForOpenQA"])
def test_embedder_needs_its_pooler(tmp_path, name):
    prefix = "embedder." if name == "RealmForOpenQA" else ""
    tensors = foreign.hf_realm(name)
    del tensors[f"{prefix}realm.pooler.dense.bias"]
    with pytest.raises(types.UserError, match=r"lacks variable .*realm\.pooler\.dense\.bias"):
        _load(tmp_path, tensors)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("RealmEmbedder", {"cls.dense.bias": None}, r"lacks variable cls\.dense\.bias"),
        ("RealmEmbedder", {"cls.more": np.zeros(1, "f4")}, r"unknown variable cls\.more"),
        ("RealmReader", {"qa_outputs.dense_output.weight": np.zeros([2, 5], "f4")}, r"\[2, 5\]"),
        (
            "RealmKnowledgeAugEncoder",
            {"cls.predictions.decoder.weight": np.zeros([30, 16], "f4")},
            "differs from realm.embeddings.word_embeddings.weight",
        ),
    ],
)
def test_faulty_tensors_are_named(tmp_path, name, change, message):
    tensors = {**foreign.hf_realm(name), **change}
    with pytest.raises(types.UserError, match=message):
        _load(tmp_path, {n: a for n, a in tensors.items() if a is not None})


def test_a_bert_is_refused(tmp_path):
    with pytest.raises(types.UserError, match="--from hf-bert"):
        _load(tmp_path, foreign.draw(foreign.hf_encoder()))


@needs_oracle
def test_embedder_gives_the_oracle_s_vectors():
    made = hf_realm.load(str(ORACLE / "hf_tiny_embedder"))
    stored = np.load(ORACLE / "tiny_embedder.npz")
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = types.EncoderInputs(*(stored[f"in/{n}"].astype(np.int32) for n in names))
    vectors = made.networks["embedder_weights"].embed_queries(inputs)
    np.testing.assert_allclose(vectors, stored["out/projected_score"], atol=2e-5)


@needs_oracle
@pytest.mark.parametrize("name", KINDS)
def test_every_real_name_is_known(tmp_path, name):
    shapes = json.loads((ORACLE / "tiny_param_shapes.json").read_text(encoding="utf-8"))[name]
    tensors = foreign.draw({n: tuple(shape) for n, shape in shapes.items()})
    words = tensors.get("realm.embeddings.word_embeddings.weight")
    if name == "RealmKnowledgeAugEncoder":
        tensors["cls.predictions.decoder.weight"] = words
        tensors["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"]
    config = json.loads((ORACLE / "hf_tiny_embedder" / "config.json").read_text(encoding="utf-8"))
    made = hf_realm.load(foreign.write_hf(tmp_path, tensors, config))
    assert list(made.networks) == [KINDS[name]]


@needs_oracle
def test_span_reader_gives_the_oracle_s_logits(tmp_path):
    stored = np.load(ORACLE / "tiny_reader.npz")
    tensors = {n.removeprefix("w/"): stored[n] for n in stored.files if n.startswith("w/")}
    config = json.loads((ORACLE / "hf_tiny_embedder" / "config.json").read_text(encoding="utf-8"))
    made = hf_realm.load(foreign.write_hf(tmp_path, tensors, config))
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = types.EncoderInputs(*(stored[f"in/{n}"].astype(np.int32) for n in names))
    logits = made.networks["span_reader_weights"](inputs).numpy()
    starts, ends = stored["out/candidate_starts"], stored["out/candidate_ends"]
    theirs = stored["out/span_logits_before_retriever"]
    block = stored["in/block_mask"][: len(theirs)].astype(bool)
    counts = block[:, starts] & block[:, ends]  # others hold a large negative number
    ours = logits[:, starts, ends - starts]
    assert counts.any()
    np.testing.assert_allclose(ours[counts], theirs[counts], atol=2e-5)
