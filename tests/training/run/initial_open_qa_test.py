# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Fine-tuning that starts from fine-tuned weights: what is taken of them, and what is refused."""

import dataclasses

import numpy as np
import pytest

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.data.questions import questions as questions_lib
from realm_tf.models import open_qa_model, reader, weights
from realm_tf.training.experiments import ict, open_qa_training
from realm_tf.training.run import initial_weights
from tests.models import tiny
from tests.training import runs

QUESTIONS = [
    questions_lib.Question("1", "the lake of warsaw", ("ohrid",)),
    questions_lib.Question("2", "in the river", ("1921", "café")),
]


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    return runs.make_context(tmp_path_factory.mktemp("initial"))


@pytest.fixture(scope="module")
def start(context):
    return runs.random_system(context)


@pytest.fixture(scope="module")
def answers(context):
    return runs.find_answers(context, QUESTIONS)


@pytest.fixture(scope="module")
def trained(context, start, answers):
    """Weights that were fine-tuned on the system, and far from where they began."""
    made = open_qa_training.train(context, start, QUESTIONS, answers)
    return open_qa_training.restore(context, made), made


def _given(root, context, kind="open_qa_weights", *, embedder="other", vectors=8, **changes):
    """Weights of another run, of random values; `changes` are of the reader's encoder."""
    size, model_config = context.tokenizer.vocab_size, context.config.model
    projected = dataclasses.replace(model_config.embedder, projection_size=vectors)
    model_config = dataclasses.replace(model_config, embedder=projected)
    encoder = dataclasses.replace(model_config.reader.encoder, **changes)
    reader_config = dataclasses.replace(model_config.reader, encoder=encoder)
    config = dataclasses.replace(model_config, reader=reader_config)
    if kind == "open_qa_weights":
        model = open_qa_model.OpenQaModel(config, size).build_weights()
    else:
        model = reader.SpanReader(reader_config, size).build_weights()
    tiny.randomise(model, seed=7)
    made_from = {"source": "s"} if embedder is None else {"embedder_weights": embedder}
    settings = {"model": config_lib.to_dict(config)}
    weights.save(
        model, str(root / kind), kind=kind, settings=settings, made_from=made_from, counts={}
    )
    return model


def _from(context, directory, **open_qa):
    config = dataclasses.replace(
        context.config,
        init=config_lib.InitConfig(open_qa=str(directory)),
        open_qa=dataclasses.replace(context.config.open_qa, **open_qa),
    )
    return dataclasses.replace(context, config=config)


def _made(context, start, answers):
    segment = open_qa_training.train(context, start, QUESTIONS, answers)
    return open_qa_training.restore(context, segment), segment


def _assert_equal(left, right):
    for a, b in zip(left.get_weights(), right.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_without_steps_they_are_what_answers(context, start, answers, trained, tmp_path):
    model, segment = _made(_from(context, trained[1].path, steps=0), start, answers)
    _assert_equal(model, trained[0])
    assert segment.counts == {"steps": 0, "questions": 0, "kept_step": 0}
    assert segment.made_from["init"] == trained[1].fingerprint
    untrained = _from(context, trained[1].path, steps=0)
    assert open_qa_training.train(untrained, start, [], None) == segment
    _given(tmp_path, context)
    other = open_qa_training.train(_from(context, tmp_path, steps=0), start, QUESTIONS, answers)
    assert other.path != segment.path


@pytest.mark.parametrize("vectors", [8, 5])  # as long as this run's, or not
def test_the_query_tower_of_another_embedder_is_left_out(
    context, start, answers, tmp_path, caplog, vectors
):
    theirs = _given(tmp_path, context, vectors=vectors)
    with caplog.at_level("INFO"):
        model, _ = _made(_from(context, tmp_path, steps=0), start, answers)
    _assert_equal(model.reader, theirs.reader)
    own = open_qa_training.system_lib.open_qa_model(
        context.config.model, context.tokenizer.vocab_size, start
    )
    _assert_equal(model.query_tower, own.query_tower)
    assert "theirs was trained with the vectors of another one" in caplog.text


def test_an_untrained_embedder_is_the_one_that_it_starts_from(context, start, tmp_path):
    given = dataclasses.replace(context.config, init=config_lib.InitConfig(embedder=str(tmp_path)))
    embedder = start.embedder_weights
    weights.save(
        weights_model(context, embedder),
        str(tmp_path / "embedder_weights"),
        kind="embedder_weights",
        settings={"embedder": config_lib.to_dict(context.config.model.embedder)},
        made_from={},
        counts={},
    )
    fingerprint = initial_weights.of_embedder(
        dataclasses.replace(context, config=given)
    ).fingerprint
    for steps in (0, 1):
        config = dataclasses.replace(given, ict=dataclasses.replace(given.ict, steps=steps))
        made = ict.train(dataclasses.replace(context, config=config))
        _given(tmp_path / str(steps), context, embedder=fingerprint)
        open_qa = initial_weights.of_open_qa(_from(context, tmp_path / str(steps)))
        assert initial_weights.is_trained_on(open_qa, made) is (steps == 0)


def weights_model(context, segment):
    """The embedder of a segment."""
    model = ict.embedder.Embedder(context.config.model.embedder, context.tokenizer.vocab_size)
    weights.restore(model.build_weights(), segment)
    return model


def test_imported_weights_name_no_embedder(context, start, tmp_path):
    _given(tmp_path, context, embedder=None)
    open_qa = initial_weights.of_open_qa(_from(context, tmp_path))
    assert not initial_weights.is_trained_on(open_qa, start.embedder_weights)


def test_a_span_reader_is_taken(context, start, answers, tmp_path):
    theirs = _given(tmp_path, context, "span_reader_weights")
    model, _ = _made(_from(context, tmp_path, steps=0), start, answers)
    _assert_equal(model.reader, theirs)


def test_training_moves_on_from_there(context, start, answers, trained):
    rate = dataclasses.replace(context.config.open_qa.optimizer, learning_rate=1e-5)
    moved_on = _from(context, trained[1].path, steps=1, optimizer=rate)
    model, segment = _made(moved_on, start, answers)
    assert segment.counts["steps"] == 1
    pairs = zip(model.get_weights(), trained[0].get_weights(), strict=True)
    assert 0 < max(np.abs(a - b).max() for a, b in pairs) < 1e-4


@pytest.mark.parametrize("layers", [2, 3])
def test_a_deeper_reader_is_refused(context, tmp_path, layers):
    _given(tmp_path, context, num_layers=layers)
    with pytest.raises(types.UserError, match=rf"reader\.encoder\.num_layers is 1, .* {layers}"):
        initial_weights.of_open_qa(_from(context, tmp_path))


def test_another_shape_is_refused(context, start, answers, tmp_path):
    _given(tmp_path, context, intermediate_size=20)
    with pytest.raises(types.UserError, match="does not fit the configured model"):
        open_qa_training.train(_from(context, tmp_path), start, QUESTIONS, answers)


def test_no_steps_without_them_are_refused():
    with pytest.raises(types.UserError, match=r"open_qa\.steps must be at least 1 without init"):
        runs.make_config("open_qa.steps=0")
