# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Training that diverges ends with one line, and nothing that is not finite is kept."""

import math
import pathlib
import re

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import types
from realm_tf.data.questions import questions
from realm_tf.evaluation import entities
from realm_tf.models import losses, weights
from realm_tf.training.engine import divergence
from realm_tf.training.experiments import ict, open_qa_training, pretrain, span_tagger, warmup
from tests.training import runs


@pytest.mark.parametrize("insane", [math.nan, math.inf, -math.inf, 3e7])
def test_first_insane_loss_is_told(insane):
    watch = divergence.Watch()
    see = tf.function(watch.see)
    for index, loss in enumerate([2.0, 40.0, insane, math.nan, 1.0]):
        see(tf.constant(loss), tf.constant(index, tf.int64))
    with pytest.raises(divergence.Diverged, match=re.escape(f"loss is {insane:g}")) as told:
        watch.check([], 5)
    assert told.value.index == 2


def test_sane_losses_are_not_told():
    watch = divergence.Watch()
    for index, loss in enumerate([0.0, -1.0, 300.0]):
        watch.see(tf.constant(loss), tf.constant(index, tf.int64))
    watch.check([tf.Variable([1.0, 2.0]), tf.Variable([3])], 3)


@pytest.mark.parametrize("insane", [math.nan, math.inf])
def test_weights_that_are_not_finite_are_told(insane):
    broken = tf.Variable([[1.0, insane]], name="kernel")
    with pytest.raises(divergence.Diverged, match="kernel:0") as told:
        divergence.Watch().check([tf.Variable([1.0]), broken], 7)
    assert told.value.index == 6


def test_segment_of_insane_weights_is_refused(tmp_path):
    module = tf.Module()
    module.weight = tf.Variable([1.0, math.nan], name="broken")
    path = str(tmp_path / "w")
    with pytest.raises(types.UserError, match="broken:0 are not finite"):
        weights.save(module, path, kind="w", settings={}, made_from={}, counts={})
    assert not pathlib.Path(path).exists()


def _questions():
    return [questions.Question(f"q{i}", "the lake of warsaw", ("ohrid",)) for i in range(3)]


def _train_ict(context, root):
    return ict.train(context)


def _train_warmup(context, root):
    return warmup.train(context)


def _train_pretrain(context, root):
    start = runs.random_system(context)
    return pretrain.train(
        context,
        embedder_weights=start.embedder_weights,
        reader_weights=start.reader_weights,
        make_vectors=runs.make_vectors(context),
    )


def _train_open_qa(context, root):
    questions = _questions()
    answers = runs.find_answers(context, questions)
    return open_qa_training.train(context, runs.random_system(context), questions, answers)


def _train_tagger(context, root):
    file = root / "train.conll"
    file.write_text("In O\nWarsaw B-LOC\n\nThe O\nlake O\nof O\nOhrid B-LOC\n")
    data = span_tagger.Data(train=[str(file)], dev=[str(file)], test=[], vocab=context.vocab)
    return span_tagger.train(context.config, data, context.root, score=entities.score)


# How each experiment is trained, its loss, what its directory is called, and its records.
EXPERIMENTS = {
    "ict": (_train_ict, "ict_loss", "embedder_weights", "block "),
    "warm-up": (_train_warmup, "masked_lm_loss", "reader_weights", "of block "),
    "pretrain": (_train_pretrain, "masked_lm_loss", "pretrain", "of block "),
    "open-qa": (_train_open_qa, "marginal_correct_loss", "open_qa_weights", "question q"),
    "span tagger": (_train_tagger, "tagging_loss", "span_tagger", "sentence "),
}


def _poison(monkeypatch, name, *, after):
    """Has a loss be NaN from a step on; the steps are counted by the optimiser."""
    original, counter = getattr(losses, name), tf.Variable(0, trainable=False)

    def poisoned(*args, **kwargs):
        value = original(*args, **kwargs)
        factor = tf.where(counter.assign_add(1) > after, math.nan, 1.0)
        return (value[0] * factor, *value[1:]) if isinstance(value, tuple) else value * factor

    monkeypatch.setattr(losses, name, poisoned)


@pytest.mark.parametrize(
    "name", ["ict", *(pytest.param(n, marks=pytest.mark.slow) for n in EXPERIMENTS if n != "ict")]
)
def test_every_experiment_stops(tmp_path, monkeypatch, name):
    train, loss, directory, record = EXPERIMENTS[name]
    overrides = ["open_qa.keep=last", "pretrain.keep=last"]
    if name == "warm-up":
        overrides.append("pretrain.warmup.max_steps=4")
    if name == "span tagger":
        encoder = "{hidden_size: 16, num_layers: 1, num_heads: 2, intermediate_size: 32}"
        overrides += [
            *("span_tagger.steps=4", "span_tagger.evaluate_every_steps=2"),
            *("span_tagger.batch_size=2", f"span_tagger.encoder={encoder}"),
        ]
    context = runs.make_context(tmp_path, runs.make_config(*overrides))
    _poison(monkeypatch, loss, after=2 if name != "open-qa" else 4)  # two losses a step
    with pytest.raises(types.UserError) as told:
        train(context, tmp_path)
    message = str(told.value)
    assert message.startswith(name)
    assert "has diverged at step 3: its loss is nan. Its batch holds " in message
    assert record in message
    assert "\n" not in message
    (run,) = [
        *tmp_path.glob(f"training/{directory}-*"),
        *tmp_path.glob(f"**/training/{directory}-*"),
    ][:1]
    for index in run.glob("ckpt-*.index"):
        reader = tf.train.load_checkpoint(str(index)[: -len(".index")])
        for key, dtype in reader.get_variable_to_dtype_map().items():
            if dtype.is_floating:
                assert np.all(np.isfinite(reader.get_tensor(key))), key
        assert int(reader.get_tensor("global_step/.ATTRIBUTES/VARIABLE_VALUE")) <= 2
