# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Shards meet at one worker, are written whole, and are committed together."""

import collections
import os

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.testing import util

from beam_jobs.engine import outputs, runner
from realm_tf import artifacts, types
from realm_tf.data.blocks import schema, shards
from tests.data import example_passages

COLUMNS = schema.of_blocks(pa.uint16(), pa.uint16())


def output_in(path) -> tuple[artifacts.SegmentWriter, outputs.Output]:
    writer = artifacts.SegmentWriter(
        str(path),
        kind=schema.BLOCKS,
        settings={},
        made_from={"tokenizer": "t"},
        schema_version=schema.SCHEMA_VERSION,
    )
    return writer, outputs.Output(str(path), schema.BLOCKS, 2)


def write(output: outputs.Output, number: int, blocks) -> dict[str, int]:
    """Writes a shard; returns its counts."""
    counts = collections.Counter(blocks=0)
    outputs.count_blocks(blocks, counts)
    batch = schema.block_batch(blocks, COLUMNS)
    shards.write(outputs.shard_path(output, number), [batch], COLUMNS)
    return dict(counts)


def report(output: outputs.Output, counts) -> None:
    with runner.pipeline([]) as pipeline:
        _ = pipeline | beam.Create(counts) | outputs.WriteReport(output)


def test_every_shard_is_there_even_without_rows():
    with runner.pipeline([]) as pipeline:
        rows = pipeline | beam.Create([(1, "a"), (3, "b"), (1, "c")])
        grouped = (
            rows | outputs.GroupByShard(4) | beam.MapTuple(lambda i, found: (i, sorted(found)))
        )
        util.assert_that(grouped, util.equal_to([(0, []), (1, ["a", "c"]), (2, []), (3, ["b"])]))


def test_committed_segment_holds_what_was_written(tmp_path):
    made = [passage.block for passage in example_passages.passages(seed=3, num_docs=6)]
    writer, output = output_in(tmp_path / "segment")
    parts = made[:5], made[5:]
    counts = [(i, write(output, i, part)) for i, part in enumerate(parts)]
    report(output, counts[::-1])
    segment = outputs.commit(writer, output, "corpus")
    assert [s.num_records for s in segment.shards] == [5, len(made) - 5]
    found = example_passages.blocks_in(segment)
    pairs = zip(found, made, strict=True)
    assert all(example_passages.same(read, block) for read, block in pairs)
    assert segment.counts == {
        "blocks": len(made),
        "sentences": sum(len(block.sentence_byte_start) for block in made),
        "tokens": sum(len(block.token_ids) for block in made),
    }
    assert set(os.listdir(segment.path)) == {s.name for s in segment.shards} | {artifacts.MANIFEST}


def test_segment_without_records_is_not_committed(tmp_path):
    writer, output = output_in(tmp_path / "segment")
    report(output, [(i, write(output, i, [])) for i in range(2)])
    with pytest.raises(types.UserError, match="No document of corpus has text"):
        outputs.commit(writer, output, "corpus")
    assert not artifacts.is_complete(output.path)


def test_failing_records_leave_no_shard(tmp_path):
    _, output = output_in(tmp_path / "segment")

    def failing():
        (block, *_) = (p.block for p in example_passages.passages(seed=3, num_docs=1))
        yield schema.block_batch([block], COLUMNS)
        raise RuntimeError("cut")

    with pytest.raises(RuntimeError, match="cut"):
        shards.write(outputs.shard_path(output, 0), failing(), COLUMNS)
    assert os.listdir(output.path) == []
    assert outputs.shard_bytes(output, 0) == -1
