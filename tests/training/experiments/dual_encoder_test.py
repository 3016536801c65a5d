# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The supervised dual encoder: it starts from an embedder, learns, and its weights are named."""

import dataclasses
import pathlib

import numpy as np
import pytest

from realm_tf.data.questions import questions as questions_lib
from realm_tf.models import embedder, variable_names, weights
from realm_tf.training.experiments import dual_encoder, ict, open_qa_held_out
from tests.training import runs

_SETTINGS = (
    *("dual_encoder.steps=100", "dual_encoder.batch_size=8", "dual_encoder.query_length=12"),
    *("dual_encoder.optimizer.learning_rate=0.01", "dual_encoder.optimizer.warmup_steps=2"),
)


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    return runs.make_context(tmp_path_factory.mktemp("run"), runs.make_config(*_SETTINGS))


@pytest.fixture(scope="module")
def questions(context):
    table = context.knowledge
    return [
        questions_lib.Question(
            str(row),
            " ".join(table.text(row).split()[:5]),
            (" ".join(table.text(row).split()[-2:]),),
            (table.doc_id(row),),
        )
        for row in range(len(table))
    ]


@pytest.fixture(scope="module")
def start(context):
    return ict.random_embedder(context)


def _train(context, start, questions, depth=4):
    answers = runs.find_answers(context, questions)
    words = runs.rank_words(context, questions, depth) if depth else None
    return dual_encoder.train(context, start, questions, answers, words)


@pytest.fixture(scope="module")
def trained(context, start, questions):
    return _train(context, start, questions)


def _values(context, segment):
    model = embedder.Embedder(context.config.model.embedder, context.tokenizer.vocab_size)
    weights.restore(model.build_weights(), segment)
    return {n: v.numpy() for n, v in variable_names.of_tower(model.block_tower).items()}


def test_it_learns_from_the_embedder_that_it_starts_from(context, start, questions, trained):
    assert trained.kind == ict.KIND
    assert trained.made_from["init"] == start.fingerprint
    assert trained.counts["steps"] == 100
    assert trained.counts["accuracy"] > 3 / 16  # among 8 right blocks and 8 hard negatives
    held_out = open_qa_held_out.split(questions, context.config.evaluation.held_out_fraction)[1]
    assert held_out
    assert trained.counts["questions"] == len(questions) - len(held_out)
    before, after = _values(context, start), _values(context, trained)
    assert any(not np.array_equal(before[name], after[name]) for name in before)
    assert all(np.isfinite(value).all() for value in after.values())


def test_it_is_made_once_and_named_by_all_that_decides_it(context, start, questions, trained):
    assert _train(context, start, questions) == trained
    config = runs.make_config(*_SETTINGS, "dual_encoder.hard_negatives=0", "dual_encoder.steps=3")
    other = dataclasses.replace(context, config=config)
    without = _train(other, start, questions, depth=0)
    assert without.path != trained.path
    assert "word_ranks" not in without.made_from
    names = {path.name.partition("-")[0] for path in pathlib.Path(context.training_dir).iterdir()}
    assert names == {"dual_encoder"}  # no training of ICT, whose weights are of the same kind
