# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A small corpus as segments: a vocabulary, and blocks of random wordpieces of many lengths."""

import numpy as np

from realm_tf import artifacts, types
from realm_tf.data.blocks import keys, shards
from realm_tf.text import tokenizer, vocabulary

VOCAB = [*vocabulary.SPECIAL_TOKENS, *(chr(ord("a") + i) for i in range(26))]
NO_OFFSETS = np.zeros(0, np.int32)


def write_vocab(root) -> tuple[artifacts.Segment, tokenizer.Tokenizer]:
    segment = vocabulary.write_segment(str(root), VOCAB, lower_case=True)
    return segment, tokenizer.Tokenizer.open(segment)


def make_block(number: int, rng: np.random.Generator, *, max_tokens: int) -> types.Block:
    def ids(limit):
        return rng.integers(5, len(VOCAB), rng.integers(1, limit + 1)).astype(np.int32)

    doc_id = f"doc-{number}"
    return types.Block(
        block_id=keys.block_id(doc_id, "", "text", 0),
        doc_id=doc_id,
        title="title",
        text="text",
        metadata="{}",
        doc_byte_start=0,
        title_ids=ids(4),
        token_ids=ids(max_tokens),
        token_byte_start=NO_OFFSETS,
        token_byte_limit=NO_OFFSETS,
        sentence_byte_start=NO_OFFSETS,
        sentence_byte_limit=NO_OFFSETS,
    )


def write_blocks(
    root, tokenizer_fingerprint, *, count=60, num_shards=4, max_tokens=90, **settings
) -> artifacts.Segment:
    rng = np.random.default_rng(0)
    made = [make_block(i, rng, max_tokens=max_tokens) for i in range(count)]
    segment, _ = shards.write_segments(
        str(root),
        [types.Passage(block, ()) for block in made],
        num_shards=num_shards,
        settings={"vocab_size": len(VOCAB), "count": count, **settings},
        made_from={"tokenizer": tokenizer_fingerprint},
    )
    return segment
