# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Examples of the inverse cloze task: which sentence is the query, and what stays in the block."""

import collections

import numpy as np
import pytest

from realm_tf.data.examples import ict
from tests.data import example_passages


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    passages = example_passages.passages(seed=2, num_docs=20)
    return example_passages.table(tmp_path_factory.mktemp("ict"), passages)


def _sentences(table, row):
    """Wordpiece ranges (start, limit) of the sentences of a block."""
    block = table.block(row)
    for start, limit in zip(block.sentence_byte_start, block.sentence_byte_limit, strict=True):
        inside = [i for i, at in enumerate(block.token_byte_start) if start <= at < limit]
        yield inside[0], inside[-1] + 1


def test_blocks_of_one_sentence_are_left_out(table):
    several = [row for row in range(len(table)) if len(table.block(row).sentence_byte_start) > 1]
    assert ict.eligible_rows(table).tolist() == several
    assert 0 < len(several) < len(table)


@pytest.mark.parametrize("keep_probability", [0.0, 1.0])
def test_the_query_is_a_sentence_and_stays_or_goes(table, keep_probability):
    rng = np.random.default_rng(0)
    for row in ict.eligible_rows(table).tolist():
        example = ict.make(table, row, rng, keep_probability=keep_probability)
        ids = table.block(row).token_ids.tolist()
        possible = [
            (ids[start:limit], ids if keep_probability else ids[:start] + ids[limit:])
            for start, limit in _sentences(table, row)
        ]
        assert (example.query_ids.tolist(), example.body_ids.tolist()) in possible
        start, limit = list(_sentences(table, row))[example.sentence]
        assert example.query_ids.tolist() == ids[start:limit]
        assert example.is_removed == (keep_probability == 0)
        np.testing.assert_array_equal(example.title_ids, table.block(row).title_ids)


def test_sentences_are_drawn_evenly_and_kept_as_often_as_asked(table):
    row = max(range(len(table)), key=lambda row: len(table.block(row).sentence_byte_start))
    rng, count = np.random.default_rng(0), 3000
    examples = [ict.make(table, row, rng, keep_probability=0.1) for _ in range(count)]
    drawn = collections.Counter(tuple(e.query_ids.tolist()) for e in examples)
    num_sentences = len(table.block(row).sentence_byte_start)
    assert len(drawn) == num_sentences == 3
    assert min(drawn.values()) > 0.9 * count / num_sentences
    kept = sum(len(e.body_ids) == len(table.block(row).token_ids) for e in examples)
    assert 0.08 < kept / count < 0.12


def test_two_numbers_are_drawn_whatever_the_block(table):
    """So the examples of a batch do not depend on each other's length."""
    used, counted = np.random.default_rng(0), np.random.default_rng(0)
    for row in ict.eligible_rows(table).tolist():
        ict.make(table, row, used, keep_probability=0.5)
        counted.random(2)
    assert used.random() == counted.random()
