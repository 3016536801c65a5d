# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Records keep every value; keys are the same for ever."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf.data.blocks import keys
from realm_tf.data.blocks import schema as block_schema
from tests.data import example_passages


def same(left, right) -> bool:
    """Whether two records are equal, arrays and their dtypes included."""
    if isinstance(left, types.Passage):
        return left.spans == right.spans and same(left.block, right.block)
    pairs = [(getattr(left, f.name), getattr(right, f.name)) for f in dataclasses.fields(left)]
    return all(
        a.dtype == b.dtype and np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b
        for a, b in pairs
    )


@pytest.fixture(scope="module")
def passages() -> list[types.Passage]:
    return example_passages.passages(seed=0, num_docs=12)


def test_decode_is_the_inverse_of_encode(passages):
    assert any(p.spans for p in passages)
    assert any(not p.spans for p in passages)
    for passage in passages:
        for record in (passage, passage.block):
            decoded = block_schema.decode(block_schema.encode(record))
            assert type(decoded) is type(record)
            assert same(decoded, record)


def test_whole_range_of_ids(passages):
    for block_id in (0, (1 << 63) - 1, 1 << 63, (1 << 64) - 1):
        block = dataclasses.replace(passages[0].block, block_id=block_id)
        assert block_schema.decode(block_schema.encode(block)).block_id == block_id


def test_names_of_the_features(passages):
    features = tf.train.Example.FromString(block_schema.encode(passages[0])).features.feature
    names = "block_id doc_id title text metadata doc_byte_start title_ids token_ids"
    names += " token_byte_start token_byte_limit sentence_byte_start sentence_byte_limit"
    names += " span_byte_start span_byte_limit span_token_start span_token_limit span_label"
    assert sorted(features) == sorted(names.split())
    assert [field.name for field in block_schema.SCHEMA] == names.split()


@pytest.mark.parametrize("data", [b"\xff\xff", tf.train.Example().SerializeToString()])
def test_what_is_no_block_is_refused(data):
    with pytest.raises(types.UserError, match="not a block"):
        block_schema.decode(data)


def test_keys_never_change():
    assert keys.block_id("d", "t", "x", 0, 1) == 14366936722637037090
    assert keys.doc_key("d") == 13089120052717325435
    assert keys.shard_of("d", 7) == keys.doc_key("d") % 7
    assert block_schema.shard_name(3, 16) == "blocks-00003-of-00016.tfrecord"


def test_block_id_depends_on_every_part():
    parts = [("d", "t", "x", 0, 1), ("dt", "", "x", 0, 1), ("d", "t", "x", 1, 1)]
    parts += [("d", "t", "y", 0, 1), ("d", "u", "x", 0, 1), ("d", "t", "x", 0, 2)]
    assert len({keys.block_id(*p) for p in parts}) == len(parts)


def write(root, records) -> artifacts.Segment:
    return block_schema.write_segment(
        str(root),
        records,
        kind=block_schema.PASSAGES,
        num_shards=3,
        settings={"vocab_size": 99},
        made_from={"tokenizer": "abc"},
    )


def test_segment_is_sorted_and_does_not_depend_on_order_or_root(tmp_path, passages):
    segment = write(tmp_path / "a", passages)
    read = [list(block_schema.read(path)) for path in segment.files()]
    for number, shard in enumerate(read):
        keys = [(p.block.doc_id, p.block.doc_byte_start) for p in shard]
        assert keys == sorted(keys)
        assert all(keys.shard_of(doc_id, 3) == number for doc_id, _ in keys)
    assert sum(map(len, read)) == segment.counts["blocks"] == len(passages)
    assert write(tmp_path / "b", passages[::-1]).fingerprint == segment.fingerprint


def test_flipped_byte_is_refused(tmp_path, passages):
    segment = write(tmp_path, passages)
    for path in segment.files():
        with open(path, "r+b") as f:
            f.seek(20)
            byte = f.read(1)[0]
            f.seek(20)
            f.write(bytes([byte ^ 1]))
        with pytest.raises(types.UserError, match="damaged"):
            artifacts.open_segment(segment.path)
        with pytest.raises(types.UserError, match="checksum of a record is wrong"):
            list(block_schema.read(path))
