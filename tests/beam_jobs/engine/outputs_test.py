# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Workers measure what they write; the launcher commits it without reading it again."""

import os
import pathlib

import pyarrow as pa
import pytest

from beam_jobs.engine import job_folder, outputs
from realm_tf import artifacts
from realm_tf.data.blocks import schema, shards
from tests.data import example_passages

COLUMNS = schema.of_blocks(pa.uint16(), pa.uint16())


def output_in(path) -> tuple[artifacts.SegmentWriter, outputs.Output]:
    writer = artifacts.SegmentWriter(
        str(path),
        kind=schema.BLOCKS,
        settings={},
        made_from={"tokenizer": "t"},
    )
    return writer, outputs.Output(str(path), schema.BLOCKS, 2)


def write(output: outputs.Output, number: int, blocks) -> dict:
    """Writes a shard; returns what a result tells of it."""
    count = shards.write(output.shard(number), [schema.block_batch(blocks, COLUMNS)], COLUMNS)
    return output.measure(number, count)


def test_committed_segment_holds_what_was_written(tmp_path, monkeypatch):
    made = [passage.block for passage in example_passages.passages(seed=3, num_docs=6)]
    writer, output = output_in(tmp_path / "segment")
    files = [write(output, number, part) for number, part in enumerate((made[:5], made[5:]))]
    with monkeypatch.context() as patch:
        patch.setattr(artifacts, "file_sha256", None)  # not read again
        segment = outputs.commit(writer, files, {"blocks": len(made)})
    artifacts.open_segment(segment.path, verify=True)
    assert [s.num_records for s in segment.shards] == [5, len(made) - 5]
    found = example_passages.blocks_in(segment)
    pairs = zip(found, made, strict=True)
    assert all(example_passages.same(read, block) for read, block in pairs)
    assert segment.counts == {"blocks": len(made)}
    assert set(os.listdir(segment.path)) == {s.name for s in segment.shards} | {artifacts.MANIFEST}


def test_items_whose_shard_is_not_whole_are_forgotten(tmp_path):
    made = [passage.block for passage in example_passages.passages(seed=3, num_docs=6)]
    _, output = output_in(tmp_path / "segment")
    folder = job_folder.open_folder(str(tmp_path / "x.job"), "plan", resume=True)
    os.makedirs(folder.file("Step"))
    for number in range(2):
        files = {schema.BLOCKS: [write(output, number, made[number : number + 2])]}
        folder.write_result("Step", number, {outputs.FILES: files})
    outputs.forget_broken(folder, "Step", blocks=output.path)
    assert folder.done("Step") == {0, 1}
    shard = pathlib.Path(output.shard(1))
    shard.write_bytes(shard.read_bytes()[:-1])
    (shard.parent / "half.tmp-1").write_bytes(b"half")
    outputs.forget_broken(folder, "Step", blocks=output.path)
    assert folder.done("Step") == {0}
    assert not list(tmp_path.rglob("*.tmp-*"))
    os.remove(output.shard(0))
    outputs.forget_broken(folder, "Step", blocks=output.path)
    assert folder.done("Step") == set()


def test_failing_records_leave_no_shard(tmp_path):
    _, output = output_in(tmp_path / "segment")

    def failing():
        (block, *_) = (p.block for p in example_passages.passages(seed=3, num_docs=1))
        yield schema.block_batch([block], COLUMNS)
        raise RuntimeError("cut")

    with pytest.raises(RuntimeError, match="cut"):
        shards.write(output.shard(0), failing(), COLUMNS)
    assert os.listdir(output.path) == []
