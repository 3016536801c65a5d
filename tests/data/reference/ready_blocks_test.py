# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""One record is one block, whatever its length."""

import hashlib
import json

import numpy as np
import pytest

from realm_tf import types
from realm_tf.data.blocks import packer as block_packer
from realm_tf.data.reference import formats as reference_formats
from realm_tf.data.reference import ready_blocks
from realm_tf.text import packing
from tests.text import vocabularies

ReferenceBlock = reference_formats.ReferenceBlock
TOKENIZER = vocabularies.tokenizer()


def make(
    record: ReferenceBlock, *, length: int = 48, occurrence: int = 0
) -> ready_blocks.ReadyBlock:
    (made,) = ready_blocks.ReadyBlocks(TOKENIZER, length=length).make([record], [occurrence])
    return made


def block(record: ReferenceBlock, **kept: int) -> types.Block:
    made = make(record, **kept).block
    assert made is not None
    return made


def test_block_that_fits_is_what_the_packer_makes_of_the_same_text():
    text = "Louis was né in the city. It was a river."
    made = block(ReferenceBlock(17, "New York", text))
    packer = block_packer.BlockPacker(TOKENIZER, length=48)
    document = types.Document(made.doc_id, "a.tfr", 17, "New York", text, '{"orqa_row":17}')
    (made_of_text,) = packer.pack([document])
    (packed,) = made_of_text.blocks
    assert made.block_id == packed.block_id
    for name in vars(packed):
        np.testing.assert_array_equal(getattr(made, name), getattr(packed, name), err_msg=name)
    assert json.loads(made.metadata) == {"orqa_row": 17}


def test_id_is_of_title_and_text_as_in_the_original():
    uid = hashlib.sha1(b"New York <sep> A city.").hexdigest()
    assert ready_blocks.doc_id("New York", "A city.") == f"New York#{uid[:16]}"
    first, second = (block(ReferenceBlock(row, "New York", "A city.")) for row in (1, 2))
    assert first.block_id == second.block_id
    assert block(ReferenceBlock(2, "New York", "A city."), occurrence=1).block_id != first.block_id


def test_body_is_cut_and_the_text_stays():
    text = "The city was new. It was a river. Louis was in the war."
    made = make(ReferenceBlock(0, "New York", text), length=16)
    assert made.is_cut
    whole = block(ReferenceBlock(0, "New York", text), length=300)
    cut = made.block
    assert cut is not None
    assert (cut.text, cut.block_id) == (text, whole.block_id)
    assert len(cut.title_ids) + len(cut.token_ids) == 16 - packing.PAIR_SPECIALS
    np.testing.assert_array_equal(cut.token_ids, whole.token_ids[: len(cut.token_ids)])
    # What is left of the second sentence, and nothing of the third.
    assert cut.sentence_byte_start.tolist() == [0, 18]
    assert not make(ReferenceBlock(0, "New York", text), length=300).is_cut


def test_long_title_leaves_room_for_one_wordpiece():
    made = block(ReferenceBlock(0, "new " * 40, "A city."), length=16)
    assert (len(made.title_ids), len(made.token_ids)) == (12, 1)


def test_given_sentences_are_taken():
    made = block(ReferenceBlock(0, "", "a city the river", "", [(0, 6), (7, 16)], []))
    assert made.sentence_byte_limit.tolist() == [6, 16]


def test_text_without_wordpieces_is_no_block():
    assert make(ReferenceBlock(0, "New York", " \u200b")) == (None, False, False)


def test_other_wordpieces_are_noticed():
    title, text = (TOKENIZER.encode([t])[0].ids for t in ("new", "a city"))
    same = reference_formats.ids_key(title, text)
    other = reference_formats.ids_key(text, title)
    assert not make(ReferenceBlock(0, "new", "a city", same)).has_other_ids
    assert make(ReferenceBlock(0, "new", "a city", other)).has_other_ids
    assert not make(ReferenceBlock(0, "new", "a city", "")).has_other_ids


def test_length_too_small():
    with pytest.raises(types.UserError, match="at least 16"):
        ready_blocks.ReadyBlocks(TOKENIZER, length=15)
