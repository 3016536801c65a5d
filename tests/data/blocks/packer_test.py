# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Blocks fit, lose nothing, and depend on their own document alone."""

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realm_tf import artifacts, types
from realm_tf.data.blocks import keys
from realm_tf.data.blocks import packer as block_packer
from tests.text import vocabularies

SPECIALS = 3


def pack_counted(
    *documents: types.Document, length: int = 32, **kwargs
) -> list[block_packer.Packed]:
    tokenizer = vocabularies.tokenizer()
    return block_packer.BlockPacker(tokenizer, length=length, **kwargs).pack(documents)


def pack(*documents: types.Document, **kwargs) -> list[list[types.Block]]:
    return [packed.blocks for packed in pack_counted(*documents, **kwargs)]


def document(text: str, title: str = "", doc_id: str = "d", **metadata) -> types.Document:
    return types.Document(doc_id, "a.jsonl", 1, title, text, artifacts.canonical_json(metadata))


def texts(packed: list[types.Block]) -> list[str]:
    return [block.text for block in packed]


def test_sentences_are_packed_greedily():
    # Every sentence has 5 wordpieces; 13 fit beside 3 special ones.
    text = "the city was new. the war was new.\n\nthe river was new."
    (packed,) = pack(document(text), length=16)
    assert texts(packed) == ["the city was new. the war was new.", "the river was new."]
    assert [b.doc_byte_start for b in packed] == [0, 36]
    assert packed[0].sentence_byte_start.tolist() == [0, 18]
    assert packed[0].sentence_byte_limit.tolist() == [17, 34]


@pytest.mark.parametrize(("length", "sizes"), [(17, [10, 8]), (18, [15, 3])])
def test_a_block_may_be_exactly_full(length, sizes):
    text = "the city was new. " * 3 + "new in."
    assert [len(b.token_ids) for b in pack(document(text), length=length)[0]] == sizes


def test_title_takes_its_room_and_is_cut_at_a_quarter():
    text = "the city was new. the war was new."
    assert len(pack(document(text), length=16)[0]) == 1
    (packed,) = pack(document(text, title="new york city of the river"), length=16)
    assert len(packed) == 2
    assert all(len(b.title_ids) == 4 for b in packed)
    assert packed[0].title == "new york city of the river"


def test_without_its_title_a_block_holds_more():
    # 15 wordpieces and 2 special ones; a title and a third special one would not fit.
    made = document("the city was new. " * 3, title="new york")
    assert [len(b.token_ids) for b in pack(made, length=17, template="body")[0]] == [15]
    assert [len(b.token_ids) for b in pack(made, length=17)[0]] == [10, 5]
    assert pack(made, length=17, template="body")[0][0].title_ids.size  # kept, for who wants it


def test_unknown_template_is_refused():
    with pytest.raises(types.UserError, match="template"):
        pack(template="title")


def test_long_sentence_is_cut_between_words():
    (packed,) = pack(document("the city of new york " * 9 + "chicago"), length=16)
    assert len(packed) == 4
    assert " ".join(texts(packed)) == "the city of new york " * 9 + "chicago"
    assert [len(b.token_ids) for b in packed] == [13, 13, 13, 7]


def test_long_word_is_cut_between_wordpieces():
    (packed,) = pack(document("abcdefghij" * 4), length=16)
    text = "abcdefghij" * 4
    assert texts(packed) == [text[:13], text[13:26], text[26:39], text[39:]]


def test_character_of_more_wordpieces_than_fit_keeps_the_first():
    (packed,) = pack(document("ﷺ city"), length=16)
    assert all(len(b.token_ids) <= 13 for b in packed)
    assert "".join(texts(packed)).replace(" ", "") == "ﷺcity"


def test_of_equal_blocks_of_a_document_the_first_stays():
    text = "the city was new. the war was new. " * 3 + "the river was new. " * 5
    (packed,) = pack_counted(document(text), length=16)
    # Two sentences a block: city and war, three times; river and river, twice; river.
    assert texts(packed.blocks) == [
        "the city was new. the war was new.",
        "the river was new. the river was new.",
        "the river was new.",
    ]
    assert packed.num_repeated == 3
    assert [b.doc_byte_start for b in packed.blocks] == [0, 105, 181]
    expected = [keys.block_id("d", "", b.text, 0) for b in packed.blocks]
    assert [b.block_id for b in packed.blocks] == expected
    other = pack(document("the city was new. the war was new.", doc_id="e"), length=16)
    assert texts(other[0]) == texts(packed.blocks)[:1]  # another document keeps its own


def test_overlap_begins_a_block_with_the_last_sentences_of_the_one_before():
    words = ("city", "war", "river", "the")
    sentence = {word: f"the {word} was new." for word in words}
    text = " ".join(sentence[word] for word in words)
    (one,) = pack(document(text), length=18, overlap=1)  # three sentences fit
    assert texts(one) == [
        " ".join(sentence[w] for w in words[:3]),
        " ".join(sentence[w] for w in words[2:]),
    ]
    (many,) = pack(document(text), length=18, overlap=9)  # as many as leave room for the next
    assert texts(many) == [
        " ".join(sentence[w] for w in words[:3]),
        " ".join(sentence[w] for w in words[1:]),
    ]
    assert [b.doc_byte_start for b in many] == [0, 18]
    long = "the city of new york " * 5
    (pieces,) = pack(document(long), length=16, overlap=1)  # nothing leaves room
    assert texts(pieces) == texts(pack(document(long), length=16)[0])


def test_metadata_and_title_travel():
    (packed,) = pack(document("new york", title="T", b=1, a=["é"]))
    assert packed[0].metadata == '{"a":["é"],"b":1}'
    assert json.loads(packed[0].metadata) == {"a": ["é"], "b": 1}
    assert packed[0].title == "T"


def test_documents_without_wordpieces_have_no_blocks():
    assert pack(document(""), document(" \n"), document("\u200b", title="T")) == [[], [], []]
    assert pack() == []


def test_too_short_a_length_is_refused():
    with pytest.raises(types.UserError, match=r"at least 16\. Received: 15"):
        block_packer.BlockPacker(vocabularies.tokenizer(), length=15)


WORDS = st.sampled_from(
    [
        *("the", "city.", "River", "new!", "\n\n", "ﷺ", "ǆ", "e\u0301", "\u0301", "\u200b"),
        *("q" * 50, "x。y", "a.b.c/d-e", "'Go.'", "。", "\u2028", "\x00", "\x1f", "😀", " ", "A."),
    ]
)
TEXT = st.lists(st.one_of(WORDS, st.text(st.characters(codec="utf-8"), max_size=5))).flatmap(
    lambda words: st.sampled_from(["", " "]).map(lambda gap: gap.join(words))
)


def check(source: types.Document, packed: block_packer.Packed, length: int) -> None:
    """What is true of the blocks of any document, without overlap."""
    data, place, gaps = source.text.encode(), 0, []
    for block in packed.blocks:
        text = block.text.encode()
        gaps.append(data[place : block.doc_byte_start].decode())
        assert data[block.doc_byte_start :].startswith(text)
        place = block.doc_byte_start + len(text)
        size = len(block.title_ids) + len(block.token_ids) + SPECIALS
        assert size <= length
        assert len(block.token_ids) > 0
        assert block.text == block.text.strip()
        _check_places(block, text)
    if not packed.blocks:
        return
    gaps.append(data[place:].decode())
    known = texts(packed.blocks)
    assert len(set(known)) == len(known)
    # What is in no block is white space, or a block's text once more.
    again = "|".join(re.escape(text) for text in known)
    assert all(re.fullmatch(rf"\s*(?:(?:{again})\s*)*", gap) for gap in gaps)
    assert any(gap.strip() for gap in gaps) == bool(packed.num_repeated)


def _check_places(block: types.Block, text: bytes) -> None:
    starts, limits = block.sentence_byte_start, block.sentence_byte_limit
    assert starts[0] == 0
    assert limits[-1] == len(text)
    assert (starts < limits).all()
    assert (limits[:-1] <= starts[1:]).all()
    for a, b in zip(limits[:-1], starts[1:], strict=True):
        assert text[a:b].decode().strip() == ""
    assert (block.token_byte_start >= 0).all()
    assert (block.token_byte_start < block.token_byte_limit).all()
    assert (block.token_byte_limit <= len(text)).all()
    for a, b in zip(block.token_byte_start, block.token_byte_limit, strict=True):
        text[a:b].decode()


# Many documents an example, because most of the time goes into calling the tokenizer's op.
@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=10, max_size=20), st.integers(16, 40))
def test_any_text_is_in_the_blocks_once(bodies_and_titles, length):
    sources = [document(*item) for item in bodies_and_titles]
    encoded = vocabularies.tokenizer().encode([source.text for source in sources])
    made = pack_counted(*sources, length=length)
    for source, whole, packed in zip(sources, encoded, made, strict=True):
        check(source, packed, length)
        assert bool(packed.blocks) == bool(whole.ids.size)
        # The one character that may not fit; and what is not there twice.
        if "ﷺ" not in source.text and not packed.num_repeated:
            ids = np.concatenate([block.token_ids for block in packed.blocks] or [whole.ids])
            np.testing.assert_array_equal(ids, whole.ids)


@settings(max_examples=20, deadline=None)
@given(st.lists(TEXT, min_size=5, max_size=10), st.integers(16, 40), st.integers(1, 4))
def test_overlapping_blocks_hold_every_new_sentence(bodies, length, overlap):
    sources = [document(body) for body in bodies]
    plain = pack(*sources, length=length)
    for source, blocks_, before in zip(
        sources, pack(*sources, length=length, overlap=overlap), plain, strict=True
    ):
        data, place = source.text.encode(), 0
        for block in blocks_:
            text = block.text.encode()
            assert data[block.doc_byte_start :].startswith(text)
            assert len(block.title_ids) + len(block.token_ids) + SPECIALS <= length
            limit = block.doc_byte_start + len(text)
            assert limit > place  # at least one sentence is new
            place = limit
            _check_places(block, text)
        assert len(blocks_) >= len(before) > 0 or not before


@settings(max_examples=15, deadline=None)
@given(st.lists(TEXT, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_blocks_depend_on_their_own_document_alone(bodies, random):
    sources = [document(body, doc_id=str(i)) for i, body in enumerate(bodies)]
    together = {d.doc_id: b for d, b in zip(sources, pack(*sources), strict=True)}
    random.shuffle(sources)
    kept = sources[1:]
    for source, packed in zip(kept, pack(*kept), strict=True):
        before = [(b.block_id, b.text) for b in together[source.doc_id]]
        assert [(b.block_id, b.text) for b in packed] == before
