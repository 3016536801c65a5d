# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Chosen rows of a table become a segment whose rows are in the order of the blocks job."""

import numpy as np

from realm_tf import artifacts
from realm_tf.data.blocks import keys, selection
from realm_tf.data.blocks import table as block_table
from tests.data import example_passages


def test_rows_of_two_segments_are_written_by_shard(tmp_path):
    passages = example_passages.passages(seed=1, num_docs=12)
    halves = passages[:15], passages[15:]
    made = [
        example_passages.segments(tmp_path / str(i), half, num_shards=2)[0]
        for i, half in enumerate(halves)
    ]
    table = block_table.BlockTable.open(made)
    rows = selection.by_shard(table, np.arange(3, len(table)), 3)
    assert sum(map(len, rows)) == len(table) - 3
    written = selection.write(
        str(tmp_path), table, rows, settings={"a": 1}, made_from={"tokenizer": table.tokenizer}
    )
    assert artifacts.open_segment(written.path) == written
    assert [shard.num_records for shard in written.shards] == [len(of_shard) for of_shard in rows]
    found = block_table.BlockTable.open(written)
    for new, old in enumerate(np.concatenate(rows).tolist()):
        assert example_passages.same(found.block(new), table.block(old))
    places = [
        (keys.shard_of(found.doc_id(row), 3), found.doc_id(row), found.block(row).doc_byte_start)
        for row in range(len(found))
    ]
    assert places == sorted(places)
    again = selection.write(
        str(tmp_path), table, rows, settings={"a": 1}, made_from={"tokenizer": table.tokenizer}
    )
    assert again.fingerprint == written.fingerprint
