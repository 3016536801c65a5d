# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Our wordpieces are BERT's, but for the characters that docs/tokenizer.md names.

`tokenizer_reference.json` holds strings of our own with the ids of another implementation, written
by benchmarks/tokenizer_agreement.py; `reference_bert` is a third one.
"""

import collections
import functools
import gzip
import json
import pathlib
import sys
import unicodedata

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from realm_tf.text import tokenizer as tokenizer_lib
from realm_tf.text import vocabulary
from tests.text import reference_bert

STORED = json.loads(
    pathlib.Path(__file__)
    .with_suffix("")
    .with_name("tokenizer_reference.json")
    .read_text(encoding="utf-8")
)
SHARED = pathlib.Path(__file__).parents[2] / "../shared/data"
MAX_BYTES = 100  # of a word that is not unknown


@functools.cache
def ours(lower_case: bool) -> tokenizer_lib.Tokenizer:
    return tokenizer_lib.Tokenizer(STORED["vocab"], lower_case=lower_case)


def bert_fold(text: str) -> str:
    text = unicodedata.normalize("NFD", text.lower())
    return "".join(c for c in text if unicodedata.category(c) != "Mn")


def our_fold(text: str) -> str:
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    text = unicodedata.normalize("NFD", text)
    return "".join(c for c in text if unicodedata.category(c) != "Mn")


def known_difference(c: str, *, lower_case: bool) -> str | None:
    """The class, in docs/tokenizer.md, of a character that may differ; None for all others."""
    category = unicodedata.category(c)
    if category == "Cc":
        return None if c in "\t\n\r" else "control"
    if c == "\ufffd":
        return "replacement"
    if category in ("Cn", "Cf"):
        return {"Cn": "unassigned", "Cf": "format"}[category]
    if lower_case and (bert_fold(c) != our_fold(c) or c in "Σς\u115f\u1160"):
        return "folding"  # the small sigma's form depends on its place; two fillers are dropped
    return None


def may_differ(text: str, *, lower_case: bool) -> bool:
    return any(known_difference(c, lower_case=lower_case) for c in text)


def has_long_word(text: str, *, lower_case: bool) -> bool:
    words = reference_bert.words(text, lower_case=lower_case)
    return any(len(word.encode()) > MAX_BYTES for word in words)


def encode(text: str, *, lower_case: bool) -> list[int]:
    return ours(lower_case).encode([text])[0].ids.tolist()


@pytest.mark.parametrize("lower_case", [True, False])
def test_stored_strings_have_the_reference_ids(lower_case):
    cases = STORED["uncased" if lower_case else "cased"]
    # The other implementation drops private characters, and joins "e" and its accent when cased.
    same = [c for c in cases if encode(c["text"], lower_case=lower_case) == c["ids"]]
    different = [c["text"] for c in cases if c not in same]
    assert len(same) >= 12
    for text in different:
        joined = unicodedata.normalize("NFC", text) != text and not lower_case
        assert may_differ(text, lower_case=lower_case) or joined, text
    assert any("ß" in text for text in different) == lower_case


CHARACTERS = st.one_of(
    st.sampled_from([p for p in STORED["vocab"] if len(p) == 1]),
    st.characters(codec="utf-8"),
    st.sampled_from(" \t\n\u00a0\u3000'-.,\u0301\u0308"),
)


@settings(max_examples=600, deadline=None)
@given(st.text(CHARACTERS, max_size=24), st.booleans())
def test_any_other_text_has_the_ids_of_a_plain_implementation(text, lower_case):
    text = "".join(c for c in text if not known_difference(c, lower_case=lower_case))
    assume(not has_long_word(text, lower_case=lower_case))
    expected = reference_bert.encode(text, STORED["vocab"], lower_case=lower_case)
    assert encode(text, lower_case=lower_case) == expected


@settings(max_examples=400, deadline=None)
@given(st.text(CHARACTERS, max_size=24))
def test_slices_of_the_text_are_the_wordpieces(text):
    text = "".join(c for c in text if not known_difference(c, lower_case=True))
    # Hangul syllables are several letters each, with a border between wordpieces inside.
    text = "".join(c for c in text if len(bert_fold(c)) < 2)
    (encoded,) = ours(True).encode([text])
    data = text.encode()
    for piece_id, start, limit in zip(*(a.tolist() for a in encoded), strict=True):
        piece = ours(True).vocab[piece_id]
        sliced = bert_fold(data[start:limit].decode())
        assert piece in ("[UNK]", sliced, f"##{sliced}")


def test_border_of_wordpieces_inside_a_character_takes_no_part_of_it():
    vocab = [*vocabulary.SPECIAL_TOKENS, "st", "##ras", "##se"]
    (encoded,) = tokenizer_lib.Tokenizer(vocab).encode(["Straße"])
    data = "Straße".encode()
    places = zip(encoded.byte_start, encoded.byte_limit, strict=True)
    assert [data[a:b].decode() for a, b in places] == ["St", "ra", "ße"]


def test_word_of_more_than_a_hundred_bytes_is_unknown():
    assert ours(True).unk_id not in encode("a" * MAX_BYTES, lower_case=True)
    assert encode("a" * (MAX_BYTES + 1), lower_case=True) == [ours(True).unk_id]
    longer = reference_bert.encode("a" * (MAX_BYTES + 1), STORED["vocab"], lower_case=True)
    assert ours(True).unk_id not in longer


# Code points between two letters whose words differ from the plain implementation's, by class.
DIFFERENT = {
    True: {"folding": 3982, "unassigned": 3992, "control": 62, "format": 25, "replacement": 1},
    False: {"format": 163, "control": 62, "unassigned": 43, "replacement": 1},
}


@pytest.mark.slow
@pytest.mark.parametrize("lower_case", [True, False])
def test_every_code_point_but_those_of_the_known_classes(lower_case):
    points = [chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000]
    texts = [f"a{c}b" for c in points]
    found: collections.Counter[str | None] = collections.Counter()
    words = vocabulary.split_words(texts, lower_case=lower_case)
    for c, text, mine in zip(points, texts, words, strict=True):
        if mine != reference_bert.words(text, lower_case=lower_case):
            found[known_difference(c, lower_case=lower_case)] += 1
    assert found == DIFFERENT[lower_case]


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the shared data")
def test_real_paragraphs_have_the_ids_of_a_plain_implementation():
    vocab = vocabulary.read(str(SHARED / "vocab/bert_uncased_vocab.txt"))
    with gzip.open(SHARED / "squad_open/corpus.jsonl.gz", "rt", encoding="utf-8") as f:
        texts = [json.loads(next(f))["text"] for _ in range(300)]
    different = [
        text
        for text, mine in zip(texts, tokenizer_lib.Tokenizer(vocab).encode(texts), strict=True)
        if mine.ids.tolist() != reference_bert.encode(text, vocab, lower_case=True)
    ]
    assert all(may_differ(text, lower_case=True) for text in different)
    assert len(different) < 0.03 * len(texts)
