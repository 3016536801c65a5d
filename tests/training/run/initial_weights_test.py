# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs that start from imported weights: they do start there, and their recipes say so."""

import dataclasses

import numpy as np
import pytest

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.models import embedder, reader, weights
from realm_tf.models.import_weights import imported
from realm_tf.training.experiments import ict, warmup
from realm_tf.training.run import initial_weights
from tests.models import tiny
from tests.training import runs


def _imported(root, context, kind, *, masked_lm=True, made_from=None, **changes):
    """A segment as `realm convert` writes it, of random weights."""
    size, model_config = context.tokenizer.vocab_size, context.config.model
    encoder = dataclasses.replace(model_config.reader.encoder, **changes)
    config = config_lib.ModelConfig(
        embedder=dataclasses.replace(model_config.embedder, encoder=encoder),
        reader=dataclasses.replace(model_config.reader, encoder=encoder),
    )
    if kind == "embedder_weights":
        model = embedder.Embedder(config.embedder, size).build_weights()
    elif kind == "reader_weights":
        model = reader.KnowledgeAugmentedEncoder(config.reader, size).build_weights()
    else:
        model = imported.bert_network(encoder, size, masked_lm=masked_lm)
    tiny.randomise(model, seed=7)
    weights.save(
        model,
        str(root / kind),
        kind=kind,
        settings={"model": config_lib.to_dict(config), "masked_lm": masked_lm},
        made_from={"source": "s"} if made_from is None else made_from,
        counts={},
    )
    return model


def _with_init(context, **init):
    paths = {part: str(path) for part, path in init.items()}
    cfg = dataclasses.replace(context.config, init=config_lib.InitConfig(**paths))
    return dataclasses.replace(context, config=cfg)


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    return runs.make_context(tmp_path_factory.mktemp("starts"), runs.make_config("ict.steps=0"))


def _embedder(context, segment):
    model = embedder.Embedder(context.config.model.embedder, context.tokenizer.vocab_size)
    weights.restore(model.build_weights(), segment)
    return model


def _reader(context, segment):
    model = reader.KnowledgeAugmentedEncoder(
        context.config.model.reader, context.tokenizer.vocab_size
    )
    weights.restore(model.build_weights(), segment)
    return model


def _assert_equal(left, right):
    for a, b in zip(left.get_weights(), right.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_ict_starts_from_an_embedder(tmp_path, context):
    theirs = _imported(tmp_path, context, "embedder_weights")
    with_init = _with_init(context, embedder=tmp_path)
    made = ict.train(with_init)
    _assert_equal(_embedder(context, made), theirs)
    assert made.made_from["init"] == initial_weights.of_embedder(with_init).fingerprint
    without = ict.train(context)
    assert "init" not in without.made_from
    assert without.path != made.path


def test_ict_starts_from_a_bert(tmp_path, context):
    theirs = _imported(tmp_path, context, "bert_weights")
    made = _embedder(context, ict.train(_with_init(context, embedder=tmp_path)))
    fresh = _embedder(context, ict.train(context))
    _assert_equal(made.block_tower.encoder, theirs.encoder)
    _assert_equal(made.block_tower.projection, fresh.block_tower.projection)


def test_both_towers_start_from_a_bert(tmp_path, context):
    theirs = _imported(tmp_path, context, "bert_weights")
    config = dataclasses.replace(context.config.model.embedder, two_towers=True)
    model = embedder.Embedder(config, context.tokenizer.vocab_size).build_weights()
    initial_weights.fill_embedder(
        model, initial_weights.of_embedder(_with_init(context, embedder=tmp_path))
    )
    _assert_equal(model.query_tower.encoder, theirs.encoder)
    _assert_equal(model.block_tower.encoder, theirs.encoder)


def test_training_moves_on_from_there(tmp_path, context):
    theirs = _imported(tmp_path, context, "embedder_weights")
    cfg = dataclasses.replace(context.config, ict=dataclasses.replace(context.config.ict, steps=1))
    made = ict.train(_with_init(dataclasses.replace(context, config=cfg), embedder=tmp_path))
    moved = [
        np.abs(a - b).max()
        for a, b in zip(_embedder(context, made).get_weights(), theirs.get_weights(), strict=True)
    ]
    assert 0 < max(moved) < 0.01  # one step of the learning rate; random weights differ by 0.3


@pytest.mark.parametrize("kind", ["reader_weights", "bert_weights"])
def test_warmup_starts_from_a_reader(tmp_path, context, kind):
    theirs = _imported(tmp_path, context, kind)
    with_init = _with_init(context, reader=tmp_path)
    made = warmup.train(with_init)
    _assert_equal(_reader(context, made), theirs)
    assert made.made_from["init"] == initial_weights.of_reader(with_init).fingerprint
    assert warmup.train(context).path != made.path


def test_bert_without_a_head_gives_its_encoder(tmp_path, context):
    theirs = _imported(tmp_path, context, "bert_weights", masked_lm=False)
    made = _reader(context, warmup.train(_with_init(context, reader=tmp_path)))
    fresh = _reader(context, warmup.train(context))
    _assert_equal(made.encoder, theirs.encoder)
    _assert_equal(made.masked_lm.dense, fresh.masked_lm.dense)


def test_embedder_weights_come_before_a_bert(tmp_path, context):
    for kind in ("bert_weights", "embedder_weights"):
        _imported(tmp_path, context, kind)
    segment = initial_weights.of_embedder(_with_init(context, embedder=tmp_path))
    assert segment.kind == "embedder_weights"


def test_path_may_be_the_segment(tmp_path, context):
    _imported(tmp_path, context, "reader_weights")
    found = initial_weights.of_reader(_with_init(context, reader=tmp_path / "reader_weights"))
    assert found.path == str(tmp_path / "reader_weights")


def test_nothing_there_is_told(tmp_path, context):
    _imported(tmp_path, context, "reader_weights")
    with pytest.raises(types.UserError, match="neither embedder_weights nor bert_weights"):
        initial_weights.of_embedder(_with_init(context, embedder=tmp_path))


def test_another_tokenizer_is_refused(tmp_path, context):
    _imported(tmp_path, context, "bert_weights", made_from={"tokenizer": "other"})
    with pytest.raises(types.UserError, match="their tokenizer differs"):
        initial_weights.of_embedder(_with_init(context, embedder=tmp_path))


def test_another_vocabulary_size_is_refused(tmp_path, context):
    model = imported.bert_network(context.config.model.reader.encoder, 40, masked_lm=True)
    settings = {"model": config_lib.to_dict(context.config.model), "masked_lm": True}
    head = {"kind": "bert_weights", "settings": settings, "made_from": {}, "counts": {}}
    weights.save(model, str(tmp_path / "bert_weights"), **head)
    with pytest.raises(types.UserError, match="has 40 wordpieces"):
        initial_weights.of_reader(_with_init(context, reader=tmp_path))


@pytest.mark.parametrize(
    "change",
    [{"activation": "gelu_tanh"}, {"layer_norm_epsilon": 1e-5}],
    ids=lambda c: next(iter(c)),
)
def test_what_shapes_do_not_tell_is_compared(tmp_path, context, change):
    _imported(tmp_path, context, "bert_weights", **change)
    with pytest.raises(types.UserError, match=f"{next(iter(change))} is .* was trained with"):
        initial_weights.of_reader(_with_init(context, reader=tmp_path))


def test_another_projection_epsilon_is_refused(tmp_path, context):
    _imported(tmp_path, context, "embedder_weights")
    model = dataclasses.replace(context.config.model.embedder, projection_epsilon=0.1)
    cfg = dataclasses.replace(
        context.config, model=dataclasses.replace(context.config.model, embedder=model)
    )
    with pytest.raises(types.UserError, match=r"projection_epsilon is 0\.1"):
        initial_weights.of_embedder(
            _with_init(dataclasses.replace(context, config=cfg), embedder=tmp_path)
        )


def test_another_shape_is_refused(tmp_path, context):
    _imported(tmp_path, context, "bert_weights", intermediate_size=20)
    with pytest.raises(types.UserError, match="does not fit the configured model"):
        ict.train(_with_init(context, embedder=tmp_path))


def test_a_deeper_network_is_refused(tmp_path, context):
    _imported(tmp_path, context, "bert_weights", num_layers=2)
    with pytest.raises(types.UserError, match=r"reader\.encoder\.num_layers is 1, but .* with 2"):
        initial_weights.of_reader(_with_init(context, reader=tmp_path))


def test_vectors_of_another_kind_are_refused(tmp_path, context):
    _imported(tmp_path, context, "embedder_weights")
    model = dataclasses.replace(context.config.model.embedder, pooling="mean")
    cfg = dataclasses.replace(
        context.config, model=dataclasses.replace(context.config.model, embedder=model)
    )
    with pytest.raises(types.UserError, match=r"pooling is mean, but .* was trained with cls"):
        initial_weights.of_embedder(
            _with_init(dataclasses.replace(context, config=cfg), embedder=tmp_path)
        )
