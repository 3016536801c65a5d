# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Shards meet at one worker, are written whole, and are committed together."""

import os

import apache_beam as beam
import pytest
from apache_beam.testing import util

from beam_jobs.engine import outputs, runner
from realm_tf import artifacts, types
from realm_tf.data.blocks import schema as block_schema
from tests.data import blocks_test, example_passages


def output_in(path) -> tuple[artifacts.SegmentWriter, outputs.Output]:
    writer = artifacts.SegmentWriter(
        str(path), kind=block_schema.PASSAGES, settings={}, made_from={}
    )
    return writer, outputs.Output(str(path), block_schema.PASSAGES, 2)


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
    made = example_passages.passages(seed=3, num_docs=6)
    writer, output = output_in(tmp_path / "segment")
    parts = made[:5], made[5:]
    counts = [(i, outputs.write_shard(output, i, part)) for i, part in enumerate(parts)]
    report(output, counts[::-1])
    segment = outputs.commit(writer, output, "corpus")
    for path, part in zip(segment.files(), parts, strict=True):
        pairs = zip(block_schema.read(path), part, strict=True)
        assert all(blocks_test.same(read, passage) for read, passage in pairs)
    assert segment.counts == {
        "blocks": len(made),
        "sentences": sum(len(p.block.sentence_byte_start) for p in made),
        "tokens": sum(len(p.block.token_ids) for p in made),
        "spans": sum(len(p.spans) for p in made),
    }
    assert set(os.listdir(segment.path)) == {s.name for s in segment.shards} | {artifacts.MANIFEST}


def test_segment_without_records_is_not_committed(tmp_path):
    writer, output = output_in(tmp_path / "segment")
    report(output, [(i, outputs.write_shard(output, i, [])) for i in range(2)])
    with pytest.raises(types.UserError, match="No document of corpus has text"):
        outputs.commit(writer, output, "corpus")
    assert not artifacts.is_complete(output.path)


def test_failing_records_leave_no_shard(tmp_path):
    _, output = output_in(tmp_path / "segment")

    def failing():
        yield example_passages.passages(seed=3, num_docs=1)[0]
        raise RuntimeError("cut")

    with pytest.raises(RuntimeError, match="cut"):
        outputs.write_shard(output, 0, failing())
    assert os.listdir(output.path) == []
