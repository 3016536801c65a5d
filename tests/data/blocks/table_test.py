# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A table gives back what its segment holds, row by row and column by column."""

import dataclasses
import os

import numpy as np
import pytest

from realm_tf import artifacts, types
from realm_tf.data.blocks import keys
from realm_tf.data.blocks import schema as block_schema
from realm_tf.data.blocks import table as block_table
from tests.data import example_passages
from tests.data.blocks import schema_test


@pytest.fixture(scope="module")
def passages() -> list[types.Passage]:
    return example_passages.passages(seed=1, num_docs=12)


def write(
    root, records, kind=block_schema.PASSAGES, vocab_size=99, **made_from
) -> artifacts.Segment:
    return block_schema.write_segment(
        str(root),
        records,
        kind=kind,
        num_shards=3,
        settings={"vocab_size": vocab_size},
        made_from={"tokenizer": "abc", **made_from},
    )


@pytest.fixture
def segment(tmp_path, passages) -> artifacts.Segment:
    return write(tmp_path, passages)


@pytest.fixture
def table(tmp_path, segment) -> block_table.BlockTable:
    return block_table.BlockTable.open(block_table.build(str(tmp_path), segment).path)


def in_order(segment: artifacts.Segment) -> list[types.Passage]:
    return [record for path in segment.files() for record in block_schema.read(path)]


def test_rows_are_the_segments_records_in_order(table, segment):
    records = in_order(segment)
    assert len(table) == len(records) > 10
    assert all(schema_test.same(table.passage(i), r) for i, r in enumerate(records))
    assert all(schema_test.same(table.block(i), r.block) for i, r in enumerate(records))


def test_columns(table, segment):
    records = in_order(segment)
    assert table.block_ids.tolist() == [r.block.block_id for r in records]
    assert table.doc_keys.tolist() == [keys.doc_key(r.block.doc_id) for r in records]
    widths = [len(r.block.text.encode()) for r in records]
    assert (table.doc_byte_limit - table.doc_byte_start).tolist() == widths
    assert table.block_ids.dtype == table.doc_keys.dtype == np.uint64
    assert table.doc_byte_start.dtype == table.doc_byte_limit.dtype == np.int64
    values, offsets = table.tokens_ragged()
    assert values.dtype == np.uint16
    assert offsets.dtype == np.int64
    for row, record in enumerate(records):
        part = values[offsets[row] : offsets[row + 1]]
        np.testing.assert_array_equal(part, record.block.token_ids)
        np.testing.assert_array_equal(table.token_ids(row), record.block.token_ids)
        np.testing.assert_array_equal(table.title_ids(row), record.block.title_ids)
        assert table.text(row) == record.block.text
        assert table.title(row) == record.block.title
        assert table.doc_id(row) == record.block.doc_id
        assert table.metadata(row) == record.block.metadata
        sentences = table.sentence_byte_start(row), table.sentence_byte_limit(row)
        np.testing.assert_array_equal(sentences[0], record.block.sentence_byte_start)
        np.testing.assert_array_equal(sentences[1], record.block.sentence_byte_limit)


def test_shards(table, segment):
    sizes = [shard.num_records for shard in segment.shards]
    assert table.shard_offsets.tolist() == [0, *np.cumsum(sizes)]


def test_spans_are_counted_over_all_rows(table, segment):
    records = in_order(segment)
    rows = [row for row, record in enumerate(records) for _ in record.spans]
    assert table.total_spans == len(rows) > 0
    assert [table.row_of_span(i) for i in range(len(rows))] == rows
    assert [table.num_spans(row) for row in range(len(table))] == [len(r.spans) for r in records]
    values, offsets = table.ragged("span_token_limit")
    np.testing.assert_array_equal(offsets, table.span_offsets)
    assert values.tolist() == [s.token_limit for r in records for s in r.spans]


SCALARS = ("block_id", "doc_key", "doc_byte_start", "doc_byte_limit")


def test_take_and_scalar_gather_rows(table):
    rows = np.array([4, -1, 0, 4])
    for column in ("token_ids", "title_ids", "span_byte_start"):
        taken = table.take(column, rows)
        for found, row in zip(taken.rows(), rows.tolist(), strict=True):
            expected = getattr(table, column)(row) if row >= 0 else np.zeros(0)
            np.testing.assert_array_equal(found, expected)
    for column in SCALARS:
        every = table.scalar(column, np.arange(len(table)))
        grid = np.array([[1, 0], [3, 3]])
        np.testing.assert_array_equal(table.scalar(column, grid), every[grid])
    assert table.scalar("block_id", np.arange(2)).tolist() == table.block_ids[:2].tolist()


@pytest.mark.parametrize("size", [1, 3, 1 << 16])
def test_chunks_are_the_table_in_pieces(table, monkeypatch, size):
    monkeypatch.setattr(block_table, "_CHUNK_ROWS", size)
    first_row = 0
    for chunk in table.chunks():
        rows = np.arange(chunk.first_row, chunk.first_row + len(chunk))
        assert chunk.first_row == first_row
        first_row += len(chunk)
        for column in ("token_byte_start", "sentence_byte_limit", "span_token_limit"):
            found, expected = chunk.ragged(column), table.take(column, rows)
            np.testing.assert_array_equal(found.values, expected.values)
            np.testing.assert_array_equal(found.offsets, expected.offsets)
        for column in SCALARS:
            np.testing.assert_array_equal(chunk.scalar(column), table.scalar(column, rows))
    assert first_row == len(table)


def test_row_of_block_id(table):
    assert [table.row_of_block_id(int(i)) for i in table.block_ids] == list(range(len(table)))
    missing = (int(table.block_ids[0]) + 1) % (1 << 64)
    for block_id in (missing, 0, (1 << 64) - 1):
        with pytest.raises(KeyError, match=str(block_id)):
            table.row_of_block_id(block_id)


def test_memory_mapped(table):
    assert isinstance(table.tokens_ragged()[0].base, np.memmap)
    assert isinstance(table.block_ids.base, np.memmap)


def test_blocks_have_no_spans(tmp_path, passages):
    segment = write(tmp_path, [p.block for p in passages], block_schema.BLOCKS)
    table = block_table.BlockTable.open(block_table.build(str(tmp_path), segment))
    assert table.total_spans == 0
    assert table.num_spans(0) == 0
    assert table.span_label(0) == []
    assert table.source == table.blocks == segment.fingerprint
    assert table.tokenizer == "abc"


def test_passages_name_their_blocks(tmp_path, passages):
    segment = write(tmp_path, passages, blocks="def")
    table = block_table.BlockTable.open(block_table.build(str(tmp_path), segment))
    assert (table.source, table.blocks) == (segment.fingerprint, "def")


def test_large_vocabulary_has_wider_ids(tmp_path, passages):
    ids = np.array([70000], np.int32)
    block = dataclasses.replace(passages[0].block, title_ids=ids)
    segment = write(tmp_path, [block], vocab_size=70001)
    table = block_table.BlockTable.open(block_table.build(str(tmp_path), segment))
    assert table.title_ids(0).tolist() == [70000]
    with pytest.raises(OverflowError):
        block_table.build(str(tmp_path), write(tmp_path, [block], vocab_size=65536))


def test_two_blocks_with_one_id_are_refused(tmp_path, passages):
    twice = [passages[0], dataclasses.replace(passages[1], block=passages[0].block)]
    with pytest.raises(types.UserError, match="1 block ids are there twice"):
        block_table.build(str(tmp_path), write(tmp_path, twice))
    assert not [
        p
        for p in os.listdir(tmp_path)
        if p.startswith("block_table") and artifacts.is_complete(str(tmp_path / p))
    ]


def test_same_fingerprint_under_another_root_and_nothing_left_over(tmp_path, segment):
    first, second = (block_table.build(str(tmp_path / root), segment) for root in "ab")
    assert first.fingerprint == second.fingerprint
    assert block_table.build(str(tmp_path / "a"), segment) == first
    names = {shard.name for shard in first.shards} | {artifacts.MANIFEST}
    assert set(os.listdir(first.path)) == names


def test_flipped_byte_is_refused(tmp_path, segment):
    built = block_table.build(str(tmp_path), segment)
    path = built.file("token_ids.npy")
    with open(path, "r+b") as f:
        f.seek(-1, os.SEEK_END)
        byte = f.read(1)[0]
        f.seek(-1, os.SEEK_END)
        f.write(bytes([byte ^ 1]))
    with pytest.raises(types.UserError, match=r"token_ids\.npy is damaged"):
        block_table.BlockTable.open(built.path)


def test_empty_segment(tmp_path):
    table = block_table.BlockTable.open(block_table.build(str(tmp_path), write(tmp_path, [])))
    assert len(table) == 0
    assert table.shard_offsets.tolist() == [0, 0, 0, 0]
