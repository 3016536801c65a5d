# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Blocks fit, lose nothing, and depend on their own document alone."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realm_tf import types
from realm_tf.data import block_packer, blocks
from tests.text import vocabularies

SPECIALS = 3


def pack(*documents: types.Document, length: int = 32, **kwargs) -> list[list[types.Block]]:
    tokenizer = vocabularies.tokenizer()
    return block_packer.BlockPacker(tokenizer, length=length, **kwargs).pack(documents)


def document(text: str, title: str = "", doc_id: str = "d", **metadata) -> types.Document:
    return types.Document(doc_id, title, text, metadata)


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
    (packed,) = pack(document("q" * 40), length=16)
    assert texts(packed) == ["q" * 13, "q" * 13, "q" * 13, "q"]


def test_character_of_more_wordpieces_than_fit_keeps_the_first():
    (packed,) = pack(document("ﷺ city"), length=16)
    assert all(len(b.token_ids) <= 13 for b in packed)
    assert "".join(texts(packed)).replace(" ", "") == "ﷺcity"


def test_equal_blocks_of_a_document_have_different_ids():
    (packed,) = pack(document("the city was new. " * 8), length=16)
    assert len(set(texts(packed))) == 1
    assert len({b.block_id for b in packed}) == len(packed) == 4
    expected = [blocks.block_id("d", "", packed[0].text, n) for n in range(4)]
    assert [b.block_id for b in packed] == expected


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


def check(source: types.Document, packed: list[types.Block], length: int) -> None:
    """What is true of the blocks of any document."""
    data = source.text.encode()
    place = 0
    for block in packed:
        text = block.text.encode()
        assert data[place : block.doc_byte_start].decode().strip() == ""
        assert data[block.doc_byte_start :].startswith(text)
        place = block.doc_byte_start + len(text)
        size = len(block.title_ids) + len(block.token_ids) + SPECIALS
        assert size <= length
        assert len(block.token_ids) > 0
        assert block.text == block.text.strip()
        _check_places(block, text)
    if packed:
        assert data[place:].decode().strip() == ""


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
    for source, whole, packed in zip(sources, encoded, pack(*sources, length=length), strict=True):
        check(source, packed, length)
        assert bool(packed) == bool(whole.ids.size)
        if "ﷺ" not in source.text:  # the one character that may not fit
            ids = np.concatenate([block.token_ids for block in packed] or [whole.ids])
            np.testing.assert_array_equal(ids, whole.ids)


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
