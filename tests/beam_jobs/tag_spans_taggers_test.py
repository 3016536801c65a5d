# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Rules, or a model for names and rules for dates, over many blocks at once."""

import pytest

from beam_jobs import tag_spans_taggers
from realm_tf import types
from realm_tf.data.blocks import packer as block_packer
from tests.models import taggers
from tests.text import vocabularies

TAG_OF = {
    "warsaw": "B-LOC",
    "new": "B-LOC",
    "york": "I-LOC",
    "may": "B-PER",
    "war": "B-MISC",
    "1": "B-MISC",
}


def pack(*texts: str) -> list[types.Block]:
    packer = block_packer.BlockPacker(vocabularies.tokenizer(), length=64)
    documents = [types.Document("d", "a.jsonl", 1, "", text, "{}") for text in texts]
    return [block for packed in packer.pack(documents) for block in packed.blocks]


def texts_of(block, found):
    return [
        (block.text.encode()[s.byte_start : s.byte_limit].decode(), s.label) for s in found.spans
    ]


@pytest.fixture(scope="module")
def segment(tmp_path_factory):
    return taggers.segment(tmp_path_factory.mktemp("tagger"), vocabularies.tokenizer(), TAG_OF)


def test_model_finds_names_and_rules_find_dates(segment):
    blocks = pack("Éé. It was in Warsaw in May 1916. The war in New York.", "The river.")
    found = tag_spans_taggers.make(segment.path)(blocks)
    assert texts_of(blocks[0], found[0]) == [
        ("Warsaw", "LOC"),
        ("May 1916", "DATE"),  # longer than the "May" and the "1916" that the model found
        ("war", "MISC"),
        ("New York", "LOC"),
    ]
    assert found[0].num_overlapping == 2
    assert found[1] == tag_spans_taggers.Found([], 0)


def test_blocks_are_tagged_alike_alone_and_together(segment):
    tagger = tag_spans_taggers.make(segment.path)
    blocks = pack("It was in Warsaw.", "New York. " * 5, "May 1916 and the war.")
    assert tagger(blocks) == [found for block in blocks for found in tagger([block])]


def test_rules_need_no_model():
    blocks = pack("They saw Kate Smith in May 1916.")
    (found,) = tag_spans_taggers.make("rules")(blocks)
    assert texts_of(blocks[0], found) == [("Kate Smith", "NAME"), ("May 1916", "DATE")]


def test_no_such_tagger(tmp_path):
    with pytest.raises(
        types.UserError, match=r'must be "rules" or the path .* Received: \'magic\''
    ):
        tag_spans_taggers.open_segment("magic")
