# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Batches of the inverse cloze task: their shapes and order, and whose sentences they hold."""

import dataclasses

import numpy as np
import pytest

from realm_tf import config, types
from realm_tf.data.examples import ict, ict_batches
from tests.data import example_passages

TOKENIZER = example_passages.tokenizer()
CFG = config.IctConfig(batch_size=4, query_length=9, keep_probability=1.0)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    passages = example_passages.passages(seed=3, num_docs=25)
    return example_passages.table(tmp_path_factory.mktemp("ict_batches"), passages)


def _batches(table, **kwargs):
    return ict_batches.IctBatches(
        table, TOKENIZER, CFG, **{"block_length": 64, "seed": 0, **kwargs}
    )


def _arrays(batch):
    return [array for inputs in batch for array in inputs]


def _same(left, right):
    return all(np.array_equal(a, b) for a, b in zip(_arrays(left), _arrays(right), strict=True))


def test_shapes_and_dtypes(table):
    batch = _batches(table).make_batch(0)
    assert {name: inputs.word_ids.shape for name, inputs in batch._asdict().items()} == {
        "query": (4, 9),
        "block": (4, 64),
    }
    assert {array.dtype for array in _arrays(batch)} == {np.dtype(np.int32)}


def test_template_leaves_the_title_out(table):
    whole = _batches(table).make_batch(0).block
    body = _batches(table, template="body").make_batch(0).block
    assert not body.type_ids.any()
    for row in range(4):
        kept = whole.word_ids[row][whole.type_ids[row] == 1].tolist()  # the body and its [SEP]
        packed = body.word_ids[row][body.mask[row] == 1].tolist()
        assert packed == [TOKENIZER.cls_id, *kept]


def test_any_batch_can_be_made_alone(table):
    used = _batches(table)
    for index in range(10):
        assert _same(used.make_batch(index), _batches(table).make_batch(index))
    assert not _same(used.make_batch(0), used.make_batch(1))
    assert not _same(used.make_batch(0), _batches(table, seed=1).make_batch(0))


def test_every_row_i_holds_a_query_and_its_own_block(table):
    """With nothing taken out of the body, the query's wordpieces are a run of their block's."""
    for index in range(8):
        batch = _batches(table).make_batch(index)
        for query, mask, block in zip(
            batch.query.word_ids, batch.query.mask, batch.block.word_ids, strict=True
        ):
            run = query[1 : mask.sum() - 1].tolist()
            ids = block.tolist()
            assert run
            assert any(ids[i : i + len(run)] == run for i in range(len(ids)))


def test_an_epoch_visits_every_eligible_block_once(table):
    rows = ict.eligible_rows(table)
    used = _batches(table)
    blocks = np.concatenate([used.make_batch(i).block.word_ids for i in range(len(rows))])
    seen = [tuple(block.tolist()) for block in blocks]  # batch_size epochs
    for epoch in range(CFG.batch_size):
        assert len(set(seen[epoch * len(rows) : (epoch + 1) * len(rows)])) == len(rows)
    assert len(set(seen)) == len(rows)


def test_no_eligible_block_is_an_error(tmp_path):
    (passage,) = example_passages.passages(seed=3, num_docs=1)[:1]
    one = passage.block
    one = dataclasses.replace(
        one,
        sentence_byte_start=one.sentence_byte_start[:1],
        sentence_byte_limit=one.sentence_byte_limit[-1:],
    )
    table = example_passages.table(tmp_path, [types.Passage(one, ())])
    with pytest.raises(types.UserError, match="ict stage has no examples"):
        _batches(table)
