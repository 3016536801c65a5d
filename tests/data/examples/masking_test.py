# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Masked sentences: what is masked, and which spans are left out."""

import collections
import dataclasses

import numpy as np
import pytest

from realm_tf import types
from realm_tf.data.blocks import shards
from realm_tf.data.examples import masking
from realm_tf.text import packing
from tests.data import example_passages

TOKENIZER = example_passages.tokenizer()
QUERY_LENGTH, MAX_MASKS = 14, 5


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    passages = example_passages.passages(seed=1, num_docs=40)
    return example_passages.table(tmp_path_factory.mktemp("masking"), _with_odd_spans(passages))


def _with_odd_spans(passages):
    """Adds, to every second passage, spans that no sentence holds or that hold no wordpiece."""
    changed = []
    for number, passage in enumerate(passages):
        block, spans = passage.block, list(passage.spans)
        if number % 2 and len(block.sentence_byte_start) > 1:
            last = len(block.token_ids)
            spans.append(types.Span(0, len(block.text.encode()), 0, last, "NAME"))
            across = int(np.searchsorted(block.token_byte_start, block.sentence_byte_start[1]))
            spans.append(
                types.Span(
                    int(block.token_byte_start[across - 1]),
                    int(block.token_byte_limit[across]),
                    across - 1,
                    across + 1,
                    "NAME",
                )
            )
            spans.append(types.Span(0, 1, 0, 0, "NAME"))
        changed.append(dataclasses.replace(passage, spans=tuple(spans)))
    return changed


def _sentence_of(table, row, byte_start, byte_limit):
    """Wordpieces (first, limit) of the sentence that holds the bytes, or None."""
    block = table.block(row)
    for start, limit in zip(block.sentence_byte_start, block.sentence_byte_limit, strict=True):
        if start <= byte_start and byte_limit <= limit:
            inside = [i for i, at in enumerate(block.token_byte_start) if start <= at < limit]
            return inside[0], inside[-1] + 1
    return None


def _flat_spans(table):
    """(row, byte_start, byte_limit, token_start, token_limit) of every span of the table."""
    for row in range(len(table)):
        columns = (
            getattr(table, f"span_{name}")(row).tolist()
            for name in ("byte_start", "byte_limit", "token_start", "token_limit")
        )
        for span in zip(*columns, strict=True):
            yield row, *span


def _oracle(table):
    eligible, skipped = [], collections.Counter()
    for number, (row, byte_start, byte_limit, start, limit) in enumerate(_flat_spans(table)):
        sentence = _sentence_of(table, row, byte_start, byte_limit)
        if start == limit:
            skipped["empty"] += 1
        elif limit - start > MAX_MASKS:
            skipped["too_long"] += 1
        elif sentence is None:
            skipped["outside_sentence"] += 1
        elif 1 + limit - sentence[0] > QUERY_LENGTH - 1:  # [CLS] before, [SEP] after
            skipped["truncated"] += 1
        else:
            eligible.append(number)
    return eligible, skipped


@pytest.mark.parametrize("rows_at_once", [1, 7, 1 << 16])
def test_eligible_spans_match_the_oracle(tmp_path, monkeypatch, rows_at_once):
    monkeypatch.setattr(shards, "ROWS", rows_at_once)
    passages = _with_odd_spans(example_passages.passages(seed=1, num_docs=40))
    table = example_passages.table(tmp_path, passages)
    assert len(next(table.chunks())) <= rows_at_once
    spans, skipped = masking.eligible_spans(table, query_length=QUERY_LENGTH, max_masks=MAX_MASKS)
    eligible, expected = _oracle(table)
    assert spans.tolist() == eligible
    assert skipped == expected
    assert min(skipped.values()) > 0  # the example has every case
    assert spans.dtype == np.int64


def test_a_masked_example_is_its_sentence_without_the_span(table):
    flat = list(_flat_spans(table))
    spans, _ = masking.eligible_spans(table, query_length=QUERY_LENGTH, max_masks=MAX_MASKS)
    for span in spans.tolist():
        example = masking.make(table, span, TOKENIZER)
        row, byte_start, byte_limit, start, limit = flat[span]
        first, last = _sentence_of(table, row, byte_start, byte_limit)
        expected = table.token_ids(row)[first:last].tolist()
        assert example.targets.tolist() == expected[start - first : limit - first]
        expected[start - first : limit - first] = [TOKENIZER.mask_id] * (limit - start)
        assert example.query_ids.tolist() == expected
        assert (example.row, example.span) == (row, span)
        assert example.query_ids.dtype == example.positions.dtype == np.int32


def test_positions_point_at_the_masks_of_the_packed_query(table):
    spans, _ = masking.eligible_spans(table, query_length=QUERY_LENGTH, max_masks=MAX_MASKS)
    examples = [masking.make(table, span, TOKENIZER) for span in spans.tolist()]
    packed = packing.pack_queries(
        types.Ragged.of([e.query_ids for e in examples]), QUERY_LENGTH, TOKENIZER
    )
    for word_ids, example in zip(packed.word_ids, examples, strict=True):
        masked = np.flatnonzero(word_ids == TOKENIZER.mask_id)
        assert masked.tolist() == example.positions.tolist()


def test_masking_leaves_the_table_as_it_was(table):
    spans, _ = masking.eligible_spans(table, query_length=QUERY_LENGTH, max_masks=MAX_MASKS)
    every = np.arange(len(table))
    before = table.take("token_ids", every).values
    for span in spans.tolist():
        masking.make(table, span, TOKENIZER)
    np.testing.assert_array_equal(before, table.take("token_ids", every).values)
