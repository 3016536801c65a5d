# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Batches are searched for with the weights of a known step, also in a run that was killed."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import config, types
from realm_tf.models import embedder, weights
from realm_tf.retrieval import retriever
from realm_tf.training.experiments import ict, pretrain, warmup
from realm_tf.training.run import current_queries, masked_examples
from tests.training import runs

_DEPTH, _K = 3, 4


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The retriever of a snapshot, and batches of masked sentences."""
    context = runs.make_context(tmp_path_factory.mktemp("queries"))
    system = runs.random_system(context)
    batches = masked_examples.make_batches(context, held_out=False, batch_size=4, stage="pretrain")
    return context, system, retriever.Retriever.open(system.snapshot), batches


def _queries(made, **changes):
    context, system, _, batches = made
    model = embedder.Embedder(context.config.model.embedder, context.tokenizer.vocab_size)
    weights.restore(model.build_weights(), system.embedder_weights)
    arguments = {"depth": _DEPTH, "steps": 9, **changes}
    return model, current_queries.CurrentQueries(model, batches.queries, **arguments)


def _change(model, seed):
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape, scale=0.3))


def _found(made, queries, index):
    return queries.retrieve_from(made[2], index)(None, _K).rows


def _expected(made, model, index):
    inputs = tf.nest.map_structure(tf.constant, made[3].queries(index))
    return made[2].index.search(model.embed_queries(inputs, training=False).numpy(), _K).rows


def test_equal_weights_find_what_the_snapshot_finds(made):
    _, queries = _queries(made)
    queries.before_batch(0)
    for index in range(_DEPTH):
        ours = made[3].make_batch(index, queries.retrieve_from(made[2], index))
        theirs = made[3].make_batch(index, made[2])
        np.testing.assert_array_equal(ours.candidate_rows, theirs.candidate_rows)


def test_batch_is_searched_for_with_the_weights_of_its_step(made):
    model, queries = _queries(made)
    expected = {}
    for step in range(4):
        queries.before_batch(step)
        coming = range(_DEPTH) if step == 0 else [step + _DEPTH - 1]
        expected.update({index: _expected(made, model, index) for index in coming})
        _change(model, step)
    for index in range(3, 6):
        np.testing.assert_array_equal(_found(made, queries, index), expected[index])
    theirs = made[2](made[3].queries(5), _K).rows
    assert not np.array_equal(expected[5], theirs)
    with pytest.raises(KeyError):
        _found(made, queries, 2)  # it was trained on


def test_nothing_is_embedded_behind_the_last_step(made):
    _, queries = _queries(made, steps=2)
    queries.before_batch(1)
    _found(made, queries, 1)
    with pytest.raises(KeyError):
        _found(made, queries, 2)


def test_checkpoint_holds_what_is_searched_for_next(made, tmp_path):
    model, queries = _queries(made)
    queries.before_batch(0)
    path = tf.train.Checkpoint(queries=queries).write(str(tmp_path / "checkpoint"))
    expected = [_found(made, queries, index) for index in range(_DEPTH)]
    other, restored = _queries(made)
    _change(other, 1)
    tf.train.Checkpoint(queries=restored).read(path).assert_consumed()
    restored.before_batch(0)
    for index, rows in enumerate(expected):
        np.testing.assert_array_equal(_found(made, restored, index), rows)
    assert model is not other


def test_several_workers_are_refused():
    settings = ["pretrain.query_weights=current", "runtime.strategy=multi_worker_mirrored"]
    with pytest.raises(types.UserError, match=r"pretrain\.query_weights must be snapshot with"):
        config.load(None, settings)


class Killed(BaseException):
    """What no handler of errors catches."""


# Loops on the device are asked for, but these batches depend on current weights.
_CURRENT = (
    *("pretrain.query_weights=current", "runtime.prefetch_batches=3", "runtime.device_loop=true"),
    *("pretrain.steps=9", "pretrain.refresh.every_steps=3", "pretrain.keep=last"),
    *("pretrain.checkpoint_every_steps=3", "pretrain.optimizer.learning_rate=0.01"),
    # So that other blocks are found after three steps.
    *("pretrain.optimizer.warmup_steps=0", "pretrain.retriever_learning_rate=0.1"),
)


def _train(root, *overrides, embed=lambda job, *inputs: job(*inputs)):
    context = runs.make_context(root, runs.make_config(*overrides))
    job = runs.make_vectors(context)
    system = pretrain.train(
        context,
        embedder_weights=ict.random_embedder(context),
        reader_weights=warmup.train(context),
        make_vectors=lambda *inputs: embed(job, *inputs),
    )
    model = embedder.Embedder(context.config.model.embedder, context.tokenizer.vocab_size)
    weights.restore(model.build_weights(), system.embedder_weights)
    return model.get_weights()


def _same(left, right):
    return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


@pytest.mark.slow
def test_killed_run_ends_with_the_weights_of_one_in_one_go(tmp_path):
    whole = _train(tmp_path / "whole", *_CURRENT)

    def kill(job, exported, root):
        if exported.settings["step"] == 6:
            raise Killed
        return job(exported, root)

    with pytest.raises(Killed):
        _train(tmp_path / "parts", *_CURRENT, embed=kill)
    assert _same(_train(tmp_path / "parts", *_CURRENT), whole)
    same_shapes = ("runtime.device_loop=false", "runtime.static_shapes=true")
    by_snapshot = (*_CURRENT, *same_shapes, "pretrain.query_weights=snapshot")
    assert not _same(_train(tmp_path / "other", *by_snapshot), whole)
