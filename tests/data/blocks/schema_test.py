# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Columns keep every value, in the narrowest types, and refuse what does not fit."""

import dataclasses
import datetime

import numpy as np
import pyarrow as pa
import pytest

from realm_tf import types
from realm_tf.data.blocks import keys, schema
from tests.data import example_passages

COLUMNS = schema.of_blocks(pa.uint16(), pa.uint16())


@pytest.fixture(scope="module")
def passages() -> list[types.Passage]:
    return example_passages.passages(seed=0, num_docs=12)


def test_names_and_types():
    names = "block_id doc_id doc_key title text metadata doc_byte_start title_ids token_ids"
    names += " token_byte_start token_byte_limit sentence_byte_start sentence_byte_limit"
    assert COLUMNS.names == [*names.split(), "duplicate_of"]
    spans = "span_byte_start span_byte_limit span_token_start span_token_limit span_label"
    assert schema.of_spans(pa.uint16()).names == spans.split()
    assert schema.token_type(1 << 16) == pa.uint16()
    assert schema.token_type((1 << 16) + 1) == pa.uint32()
    sizes = (0, 255, 256, (1 << 16) - 1, 1 << 16)
    kinds = [pa.uint8(), pa.uint8(), pa.uint16(), pa.uint16(), pa.uint32()]
    assert [schema.byte_type(size) for size in sizes] == kinds


def test_blocks_as_columns(passages):
    blocks = [passage.block for passage in passages]
    found = schema.block_batch(blocks, COLUMNS).to_pylist()
    for block, row in zip(blocks, found, strict=True):
        for name, value in dataclasses.asdict(block).items():
            assert row[name] == (value.tolist() if isinstance(value, np.ndarray) else value)
        assert row["doc_key"] == keys.doc_key(block.doc_id)
        assert row["duplicate_of"] == 0


def test_whole_range_of_ids(passages):
    ids = [0, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]
    blocks = [dataclasses.replace(passages[0].block, block_id=i) for i in ids]
    assert schema.block_batch(blocks, COLUMNS).column("block_id").to_pylist() == ids


def test_spans_as_columns(passages):
    found = schema.span_batch([p.spans for p in passages], schema.of_spans(pa.uint16()))
    for passage, row in zip(passages, found.to_pylist(), strict=True):
        for name in ("byte_start", "byte_limit", "token_start", "token_limit", "label"):
            assert row[f"span_{name}"] == [getattr(span, name) for span in passage.spans]


def test_number_that_does_not_fit_is_refused(passages):
    block = dataclasses.replace(passages[0].block, token_ids=np.array([70000], np.int32))
    with pytest.raises(pa.ArrowInvalid):
        schema.block_batch([block], COLUMNS)
    wide = schema.block_batch([block], schema.of_blocks(pa.uint32(), pa.uint32()))
    with pytest.raises(pa.ArrowInvalid):
        schema.cast(wide, COLUMNS)


def test_largest_place(passages):
    blocks = [passage.block for passage in passages]
    largest = max(max(b.sentence_byte_limit.max(), b.token_byte_limit.max()) for b in blocks)
    assert schema.largest_place(schema.block_batch(blocks, COLUMNS)) == largest
    assert schema.largest_place(schema.block_batch([], COLUMNS)) == 0


def test_declared_fields_of_metadata_are_typed_columns(passages):
    fields = {"year": "number", "a b": "string", "updated": "date"}
    columns = schema.of_blocks(pa.uint16(), pa.uint16(), fields)
    assert schema.metadata_fields(columns) == dict(sorted(fields.items()))
    assert schema.metadata_fields(COLUMNS) == {}
    texts = ['{"year":"1999","a b":"c"}', '{"updated":"2024-05-31T10:00:00Z","other":[1]}', "{}"]
    blocks = [dataclasses.replace(passages[0].block, metadata=text) for text in texts]
    batch = schema.block_batch(blocks, columns)
    assert batch.schema == columns
    assert batch.column("metadata.year").to_pylist() == [1999.0, None, None]
    assert batch.column("metadata.a b").to_pylist() == ["c", None, None]
    assert batch.column("metadata.updated").to_pylist() == [None, datetime.date(2024, 5, 31), None]
    bad = dataclasses.replace(passages[0].block, metadata='{"year":"soon"}')
    with pytest.raises(types.UserError, match=r"'doc0': \"year\" is of the type number.*'soon'"):
        schema.block_batch([bad], columns)
