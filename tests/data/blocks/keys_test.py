# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Keys of blocks and documents are the same for ever."""

from realm_tf.data.blocks import keys


def test_keys_never_change():
    assert keys.block_id("d", "t", "x", 0, 1) == 14366936722637037090
    assert keys.doc_key("d") == 13089120052717325435
    assert keys.shard_of("d", 7) == keys.doc_key("d") % 7


def test_block_id_depends_on_every_part():
    parts = [("d", "t", "x", 0, 1), ("dt", "", "x", 0, 1), ("d", "t", "x", 1, 1)]
    parts += [("d", "t", "y", 0, 1), ("d", "u", "x", 0, 1), ("d", "t", "x", 0, 2)]
    assert len({keys.block_id(*p) for p in parts}) == len(parts)
