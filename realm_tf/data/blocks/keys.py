# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Stable keys of blocks and documents: 64-bit ids, hashes, and the shard of a document.

They are hashes of contents, so they do not depend on workers, files or other documents.
"""

from __future__ import annotations

import hashlib

from realm_tf import artifacts

# Part of every block id: raise it when packing would cut the same document differently.
PACKING_VERSION = 2


def block_id(
    doc_id: str, title: str, text: str, occurrence: int, packing_version: int = PACKING_VERSION
) -> int:
    """Returns the stable unsigned 64-bit id of a block.

    Args:
      doc_id: Id of the document.
      title: Title of the document.
      text: Text of the block.
      occurrence: How many blocks before it in the document have the same text.
      packing_version: Version of the code that cut the block.
    """
    return _hash64(artifacts.canonical_json([doc_id, title, text, occurrence, packing_version]))


def doc_key(doc_id: str) -> int:
    """Returns the unsigned 64-bit hash of a document id, which stands for it in columns."""
    return _hash64(doc_id)


def shard_of(doc_id: str, num_shards: int) -> int:
    """Returns the number of the shard, of `num_shards`, that holds the document."""
    return doc_key(doc_id) % num_shards


def _hash64(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8"), digest_size=8).digest())
