# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A table gives back what its segments hold, row by row and column by column."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from realm_tf import artifacts, types
from realm_tf.data.blocks import keys, schema, shards
from realm_tf.data.blocks import table as block_table
from tests.data import example_passages

Segments = tuple[artifacts.Segment, artifacts.Segment]


@pytest.fixture(scope="module")
def passages() -> list[types.Passage]:
    return example_passages.passages(seed=1, num_docs=12)


@pytest.fixture(params=[3, 1 << 16], ids=["small batches", "one batch"])
def segments(tmp_path, monkeypatch, request, passages) -> Segments:
    monkeypatch.setattr(shards, "ROWS", request.param)
    return example_passages.segments(tmp_path, passages, num_shards=3)


@pytest.fixture
def table(segments) -> block_table.BlockTable:
    return block_table.BlockTable.open(*segments)


@pytest.fixture
def rows(passages) -> list[types.Passage]:
    """The passages in the order of the table's rows."""

    def order(passage: types.Passage) -> tuple:
        block = passage.block
        return keys.shard_of(block.doc_id, 3), block.doc_id, block.doc_byte_start

    return sorted(passages, key=order)


def test_rows(table, rows):
    assert len(table) == len(rows) > 10
    for number, passage in enumerate(rows):
        assert example_passages.same(table.passage(number), passage)
        assert example_passages.same(table.block(number), passage.block)


def test_columns_of_a_row(table, rows):
    for number, passage in enumerate(rows):
        block = passage.block
        for name in (*schema.TEXTS, *schema.LISTS):
            np.testing.assert_array_equal(getattr(table, name)(number), getattr(block, name))
        assert table.num_spans(number) == len(passage.spans)
        assert table.span_label(number) == [span.label for span in passage.spans]
        assert table.duplicate_of(number) is None


def test_scalars(table, rows):
    blocks = [passage.block for passage in rows]
    chosen = np.array([[4, 0], [-1, len(rows) - 1]])
    wanted = {
        "block_id": [b.block_id for b in blocks],
        "doc_key": [keys.doc_key(b.doc_id) for b in blocks],
        "doc_byte_start": [b.doc_byte_start for b in blocks],
        "doc_byte_limit": [b.doc_byte_start + len(b.text.encode()) for b in blocks],
    }
    for name, values in wanted.items():
        found = table.scalar(name, chosen)
        assert found.shape == (2, 2)
        assert found.dtype == (np.uint64 if name in ("block_id", "doc_key") else np.int64)
        there = chosen >= 0
        assert found[there].tolist() == [values[row] for row in chosen[there]]
        whole = np.concatenate([chunk.scalar(name) for chunk in table.chunks()])
        assert whole.tolist() == values
    assert table.block_ids.tolist() == wanted["block_id"]


@pytest.mark.parametrize("column", ["token_ids", "title_ids", "sentence_byte_limit", "text"])
def test_take(table, rows, column):
    chosen = np.array([5, -1, 0, 5, len(rows) - 1, -1])
    found = table.take(column, chosen)
    assert len(found) == len(chosen)
    for number, row in enumerate(chosen.tolist()):
        wanted = [] if row < 0 else getattr(rows[row].block, column)
        if column == "text" and row >= 0:
            wanted = list(wanted.encode())
        assert found.row(number).tolist() == list(wanted)
    assert len(table.take(column, np.array([-1, -1])).values) == 0
    assert len(table.take(column, np.zeros(0, np.int64))) == 0


def test_chunks_cover_the_table(table, rows):
    first_row = 0
    for chunk in table.chunks():
        assert chunk.first_row == first_row
        part = chunk.ragged("token_ids")
        for number in range(len(chunk)):
            wanted = rows[first_row + number].block.token_ids
            np.testing.assert_array_equal(part.row(number), wanted)
        first_row += len(chunk)
    assert first_row == len(rows)
    whole = table.ragged("token_ids")
    assert whole.values.tolist() == [i for p in rows for i in p.block.token_ids.tolist()]


def test_spans_are_counted_over_all_rows(table, rows):
    of_spans = [row for row, passage in enumerate(rows) for _ in passage.spans]
    assert table.total_spans == len(of_spans) > 0
    assert [table.row_of_span(i) for i in range(len(of_spans))] == of_spans
    counts = [len(passage.spans) for passage in rows]
    assert table.span_offsets.tolist() == [0, *np.cumsum(counts)]


def test_nothing_is_copied(table):
    before = pa.total_allocated_bytes()
    for chunk in table.chunks():
        for name in ("token_ids", "text", "span_token_start"):
            part = chunk.ragged(name)
            assert not part.values.flags.owndata
            assert not part.offsets.flags.owndata
        assert not chunk.scalar("block_id").flags.owndata
    assert pa.total_allocated_bytes() == before


def test_table_of_blocks_alone(segments, rows):
    table = block_table.BlockTable.open(segments[0])
    assert table.total_spans == table.num_spans(0) == 0
    assert table.span_label(0) == []
    assert table.passage(0).spans == ()
    assert table.source == table.blocks == segments[0].fingerprint
    assert table.tokenizer == example_passages.tokenizer().fingerprint


def test_fingerprints(table, segments):
    assert (table.blocks, table.source) == (segments[0].fingerprint, segments[1].fingerprint)


def test_several_segments(tmp_path, passages, rows):
    others = [
        dataclasses.replace(p, block=dataclasses.replace(p.block, doc_id=f"{p.block.doc_id}+"))
        for p in passages[:4]
    ]
    made = [
        example_passages.segments(tmp_path / "base", passages, num_shards=3),
        example_passages.segments(tmp_path / "delta", others, num_shards=1, delta=1),
    ]
    blocks, spans = zip(*made, strict=True)
    table = block_table.BlockTable.open(blocks, spans)
    assert len(table) == len(rows) + 4
    assert example_passages.same(table.passage(3), rows[3])
    found = {table.doc_id(row) for row in range(len(rows), len(table))}
    assert found == {p.block.doc_id for p in others}
    single = [block_table.BlockTable.open(*pair) for pair in made]
    assert table.blocks not in [t.blocks for t in single]
    assert table.total_spans == sum(t.total_spans for t in single)
    chosen = np.array([0, len(rows), -1, len(table) - 1])
    bodies = table.take("token_ids", chosen)
    for place, row in enumerate(chosen.tolist()):
        wanted = table.token_ids(row).tolist() if row >= 0 else []
        assert bodies.row(place).tolist() == wanted


def test_one_shard(segments, rows):
    blocks, spans = (segment.files()[1] for segment in segments)
    table = block_table.BlockTable.of_shard(blocks, spans)
    wanted = [p for p in rows if keys.shard_of(p.block.doc_id, 3) == 1]
    assert len(table) == len(wanted)
    assert all(example_passages.same(table.passage(i), p) for i, p in enumerate(wanted))


def test_spans_of_other_blocks_are_refused(tmp_path, passages, segments):
    _, others = example_passages.segments(tmp_path / "others", passages[:3])
    with pytest.raises(types.UserError, match="blocks"):
        block_table.BlockTable.open(segments[0], others)
    with pytest.raises(types.UserError, match="are not those of"):
        block_table.BlockTable.of_shard(segments[0].files()[0], segments[1].files()[1])


def test_another_kind_or_format_is_refused(segments):
    blocks, spans = segments
    with pytest.raises(types.UserError, match="a 'blocks' segment is needed"):
        block_table.BlockTable.open(spans)
    old = dataclasses.replace(blocks, schema_version=1)
    with pytest.raises(types.UserError, match=r"version 1 of the format.*Make it again"):
        block_table.BlockTable.open(old)


def test_empty_segment(tmp_path):
    table = block_table.BlockTable.open(*example_passages.segments(tmp_path, []))
    assert len(table) == table.total_spans == 0
    assert list(table.chunks()) == []
    assert len(table.block_ids) == 0


def test_rows_that_are_left_out(segments, rows):
    """Every look-up counts the rows that are there, and no more."""
    gone = np.array([0, 1, 2, 4, len(rows) - 1])
    left = [passage for row, passage in enumerate(rows) if row not in gone]
    table = block_table.BlockTable.open(*segments, without=gone)
    whole = block_table.BlockTable.open(*segments)
    assert len(table) == len(left)
    assert table.blocks != whole.blocks == segments[0].fingerprint
    for number, passage in enumerate(left):
        assert example_passages.same(table.passage(number), passage)
        assert table.span_label(number) == [span.label for span in passage.spans]
    np.testing.assert_array_equal(table.block_ids, [p.block.block_id for p in left])
    assert table.total_spans == sum(len(p.spans) for p in left)
    chosen = np.array([len(left) - 1, -1, 0, 3])
    taken = table.take("token_ids", chosen)
    for place, number in enumerate(chosen.tolist()):
        ids = [] if number < 0 else left[number].block.token_ids
        np.testing.assert_array_equal(taken.row(place), ids)
    there = np.arange(len(left))
    limits = [p.block.doc_byte_start + len(p.block.text.encode()) for p in left]
    np.testing.assert_array_equal(table.scalar("doc_byte_limit", there), limits)
    np.testing.assert_array_equal(
        np.concatenate([c.ragged("token_ids").lengths for c in table.chunks()]),
        [len(p.block.token_ids) for p in left],
    )
    assert len(table.ragged("text")) == len(left)


def test_segments_with_other_columns_of_metadata_are_refused(tmp_path):
    made = [
        example_passages.segments(
            tmp_path / str(number), example_passages.passages(seed=number, num_docs=2), **settings
        )[0]
        for number, settings in enumerate([{}, {"metadata_fields": {"year": "number"}}])
    ]
    assert block_table.BlockTable.open(made[1]).metadata_fields == {"year": "number"}
    with pytest.raises(types.UserError, match="do not belong together: their metadata_fields"):
        block_table.BlockTable.open(made)
