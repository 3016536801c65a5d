# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Small random passages, made without the packer or the taggers, and tables of them."""

import dataclasses
import functools
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from realm_tf import artifacts, types
from realm_tf.data.blocks import keys, shards
from realm_tf.data.blocks import table as block_table
from realm_tf.text import tokenizer as tokenizer_lib

# "é" is two bytes and the wordpiece "e": byte, character and wordpiece positions all differ.
WORDS = ("war", "warsaw", "river", "rivers", "café", "lake", "ohrid", "of", "the", "in", "1921")
_PIECES = ("war", "##saw", "river", "##s", "cafe", "lake", "oh", "##rid", "of", "the", "in", "1921")


@functools.cache
def tokenizer() -> tokenizer_lib.Tokenizer:
    """A tokenizer that cuts some of `WORDS`."""
    return tokenizer_lib.Tokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", *_PIECES])


def sentences(rng: np.random.Generator, count: int, longest: int = 12) -> list[str]:
    """Sentences of 1 to `longest` words."""
    return [" ".join(rng.choice(WORDS, rng.integers(1, longest + 1))) + "." for _ in range(count)]


def passages_of(
    doc_id: str, texts: Sequence[str], *, per_block: int, rng: np.random.Generator
) -> list[types.Passage]:
    """Cuts a document of the sentences `texts` into passages, each with random spans."""
    starts = np.cumsum([0, *(len(text.encode()) + 1 for text in texts)])[:-1]
    made = []
    for first in range(0, len(texts), per_block):
        chosen = texts[first : first + per_block]
        block = _block(doc_id, chosen, int(starts[first]))
        made.append(types.Passage(block, tuple(_spans(block, rng))))
    return made


def passages(seed: int, num_docs: int, *, per_block: int = 3) -> list[types.Passage]:
    """Passages of random documents; the same documents, cut anew, for another `per_block`."""
    made = []
    for number in range(num_docs):
        rng = np.random.default_rng((seed, number))
        texts = sentences(rng, rng.integers(1, 9))
        made += passages_of(f"doc{number}", texts, per_block=per_block, rng=rng)
    return made


def table(root: pathlib.Path, made: Sequence[types.Passage]) -> block_table.BlockTable:
    """The passages as a table, through the segments that production has."""
    return block_table.BlockTable.open(*segments(root, made))


def segments(
    root: pathlib.Path, made: Sequence[types.Passage], *, num_shards: int = 2, **settings: Any
) -> tuple[artifacts.Segment, artifacts.Segment]:
    """The passages as a segment of blocks and one of spans."""
    return shards.write_segments(
        str(root),
        made,
        num_shards=num_shards,
        settings={"vocab_size": tokenizer().vocab_size, **settings},
        made_from={"tokenizer": tokenizer().fingerprint},
    )


def blocks_in(*found: artifacts.Segment | str) -> list[types.Block]:
    """The blocks of segments "blocks", or of shards (by their paths), in the order of the rows."""
    return [table.block(row) for table in map(_opened, found) for row in range(len(table))]


def passages_in(blocks: artifacts.Segment, spans: artifacts.Segment) -> list[types.Passage]:
    """The blocks of a segment with the spans that mark them, in the order of the rows."""
    opened = block_table.BlockTable.open(blocks, spans)
    return [opened.passage(row) for row in range(len(opened))]


def same(left: Any, right: Any) -> bool:
    """Whether two blocks or passages are equal, arrays and their dtypes included."""
    if isinstance(left, types.Passage):
        return left.spans == right.spans and same(left.block, right.block)
    pairs = [(getattr(left, f.name), getattr(right, f.name)) for f in dataclasses.fields(left)]
    return all(
        a.dtype == b.dtype and np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b
        for a, b in pairs
    )


def _opened(found: artifacts.Segment | str) -> block_table.BlockTable:
    if isinstance(found, str):
        return block_table.BlockTable.of_shard(found)
    return block_table.BlockTable.open(found)


def _block(doc_id: str, texts: Sequence[str], doc_byte_start: int) -> types.Block:
    text = " ".join(texts)
    title_ids, body = tokenizer().encode([f"lake {doc_id}", text])
    limits = np.cumsum([len(t.encode()) + 1 for t in texts]) - 1
    starts = np.append(0, limits[:-1] + 1)
    return types.Block(
        block_id=keys.block_id(doc_id, "", text, occurrence=doc_byte_start),
        doc_id=doc_id,
        title=f"lake {doc_id}",
        text=text,
        metadata="{}",
        doc_byte_start=doc_byte_start,
        title_ids=title_ids.ids,
        token_ids=body.ids,
        token_byte_start=body.byte_start,
        token_byte_limit=body.byte_limit,
        sentence_byte_start=starts.astype(np.int32),
        sentence_byte_limit=limits.astype(np.int32),
    )


def _spans(block: types.Block, rng: np.random.Generator) -> list[types.Span]:
    """Random runs of wordpieces in sentences; some runs are longer than any name."""
    spans = []
    for start, limit in zip(block.sentence_byte_start, block.sentence_byte_limit, strict=True):
        first = int(np.searchsorted(block.token_byte_start, start))
        last = int(np.searchsorted(block.token_byte_start, limit))
        for _ in range(rng.integers(0, 3)):
            a, b = sorted(rng.choice(np.arange(first, last + 1), 2, replace=False).tolist())
            spans.append(
                types.Span(
                    byte_start=int(block.token_byte_start[a]),
                    byte_limit=int(block.token_byte_limit[b - 1]),
                    token_start=a,
                    token_limit=b,
                    label="NAME",
                )
            )
    return spans
