# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Answers are compared as the field's evaluation scripts do."""

import collections
import re
import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realm_tf import types
from realm_tf.text import answer_matching


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Eiffel-Tower!", "eiffeltower"),
        ("a an the", ""),
        ("An apple; a day.", "apple day"),
        ("Caf\u00e9", "cafe\u0301"),
        ("Theatre", "theatre"),
        ("", ""),
        ("à la España", "a\u0300 la espan\u0303a"),  # accents make other words than articles
        ("“b” – b’s, «c»…", "“b” – b’s «c»…"),  # as SQuAD: of Latin text only ASCII goes
        ("東京。", "東京"),
        ("राजा।", "राजा"),
        ("بغداد؟", "بغداد"),
    ],
)
def test_normalize(text, expected):
    assert answer_matching.normalize(text) == expected


def _squad(text):
    """The normalisation of SQuAD's evaluation script, after ORQA's NFD."""
    text = unicodedata.normalize("NFD", text).lower()
    text = "".join(c for c in text if c not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", text).split()


PARTS = [" ", "\t", "a", "n", "the", "of", "The ", "An ", "él", *"5x_$€²½’“”–-!.\u00a0"]
ENGLISH = st.lists(st.sampled_from(PARTS)).map("".join)


@given(ENGLISH, ENGLISH)
def test_english_figures_are_those_of_squad(prediction, gold):
    """But for answers of nothing."""
    left, right = _squad(prediction), _squad(gold)
    shared = sum((collections.Counter(left) & collections.Counter(right)).values())
    f1 = 2 * shared / (len(left) + len(right)) if shared else 0.0
    assert answer_matching.exact_match(prediction, [gold]) == (left == right != [])
    assert answer_matching.f1(prediction, [gold]) == f1


def test_exact_match():
    assert answer_matching.exact_match("the Beatles.", ["Stones", "Beatles"])
    assert answer_matching.exact_match("Caf\u00e9", ["cafe\u0301"])
    assert not answer_matching.exact_match("Beatles band", ["Beatles"])
    assert not answer_matching.exact_match("Beatles", [])
    assert answer_matching.exact_match("王小明。", ["王 小明"])
    assert not answer_matching.exact_match("दिल", ["दल"])


@pytest.mark.parametrize("nothing", ["", " ", "A", "The The", "an", "?!", "。"])
def test_an_answer_of_nothing_matches_nothing(nothing):
    for text in ("", nothing, "1201", "A band, The The, sang it."):
        assert not answer_matching.exact_match(text, [nothing])
        assert answer_matching.f1(text, [nothing]) == 0.0
        assert not answer_matching.contains(text, [nothing])
        assert answer_matching.find(text, [nothing]) == []
    assert answer_matching.exact_match("1201", [nothing, "1201"])
    assert not answer_matching.exact_match(nothing, [nothing, "1201"])


@pytest.mark.parametrize(
    ("prediction", "gold", "expected"),
    [
        ("a cat sat", ["the cat sat down"], 2 * 1.0 * (2 / 3) / (1 + 2 / 3)),
        ("cat", ["dog", "cat"], 1.0),
        ("cat cat", ["cat"], 2 * 0.5 * 1 / 1.5),
        ("cat", ["dog"], 0.0),
        ("the", ["a"], 0.0),
        ("", ["", "1201"], 0.0),
        ("", [""], 0.0),
        ("!", ["?"], 0.0),
        ("東京都", ["東京"], 0.8),
        ("กรุงเทพมหานคร", ["กรุงเทพ"], 2 * 5 / (5 + 10)),
        ("मोहन राजा", ["मोहन"], 2 / 3),
        ("दिल", ["दल"], 0.0),
        ("the", ["cat"], 0.0),
        ("cat", [], 0.0),
    ],
)
def test_f1(prediction, gold, expected):
    assert answer_matching.f1(prediction, gold) == pytest.approx(expected)


def test_regex_match():
    assert answer_matching.regex_match("December 5, 1990", [r"dec\w* 5"])
    assert not answer_matching.regex_match(
        "on December 5", [r"dec\w* 5"]
    )  # from the start, as DrQA
    assert answer_matching.regex_match("b", ["a", "b"])
    assert not answer_matching.regex_match("", ["", "x*", "b"])
    assert not answer_matching.regex_match("b", ["", "x*"])  # would match anything
    assert answer_matching.regex_contains("in Dec 1990", ["", r"19\d\d"])
    assert not answer_matching.regex_contains("in Dec 1990", ["", r"18\d\d"])
    with pytest.raises(types.UserError, match=r"regular expression.*'\('"):
        answer_matching.regex_match("x", ["("])


@pytest.mark.parametrize(
    ("text", "gold", "expected"),
    [
        ("He lived in New-York City.", ["new york"], True),
        ("He lived in Newark.", ["New"], False),
        ("the band The Beatles played", ["Beatles"], True),
        ("Caf\u00e9 Flore", ["cafe\u0301"], True),
        ("na\u00efve", ["ve"], False),
        ("anything", ["", "!", "the"], False),
        ("1914–1918", ["1918"], True),
    ],
)
def test_contains(text, gold, expected):
    assert answer_matching.contains(text, gold) is expected


# Whole words, of scripts without white space whole characters: with vowels and stacked consonants.
SCRIPTS = [
    ("他住在塔姆辛河畔。", "塔姆辛河", "塔辛"),
    ("町長は山田太郎が務めている。", "山田太郎", "山太郎"),
    ("がっこうへいく", "こう", "かっこう"),  # the voiced mark is the character's
    ("アルドは川沿いの町", "アルド", "ハ"),
    ("เมืองเชียงใหม่สวยมาก", "เชียงใหม่", "ชียง"),
    ("เกาะสมุยอยู่ที่นี่", "เกาะ", "กา"),
    ("ນະຄອນຫຼວງວຽງຈັນ", "ວຽງຈັນ", "ນຫ"),
    ("រាជធានីភ្នំពេញ", "ភ្នំពេញ", "ភំ"),
    ("ក្រុងសៀមរាប", "សៀមរាប", "ក"),
    ("မန္တလေးမြို့", "မန္တလေး", "မန"),
    ("यहाँ दिल रहता है", "दिल", "दल"),
    ("मेल और कमल", "कमल", "मल"),
    ("هذا كِتاب قديم", "كِتاب", "تاب"),
    ("אמר שָׁלוֹם לכולם", "שָׁלוֹם", "לום"),
    ("בית־ספר גדול", "ספר", "פר"),
    ("தமிழ் மொழி", "தமிழ்", "தமழ"),
    ("Nguye\u0302\u0303n lived", "Nguyễn", "Nguyen"),
    ("Ọ̀yọ́ town", "Ọ̀yọ́", "y"),
    ("高555英尺", "555", "55"),
    ("A股上涨", "A股", "B股"),
    ("股票上涨", "股票", "A股"),  # the letter is no article
]


@pytest.mark.parametrize(("text", "inside", "outside"), SCRIPTS)
def test_scripts(text, inside, outside):
    assert answer_matching.contains(text, [inside])
    assert not answer_matching.contains(text, [outside])
    assert answer_matching.find(text, [outside]) == []
    for start, limit in answer_matching.find(text, [outside, inside]):
        assert answer_matching.exact_match(text.encode()[start:limit].decode(), [inside])
    assert len(answer_matching.find(text, [inside])) == 1


def test_find_gives_bytes_of_whole_words():
    text = "Émile saw PARIS, Paris\n Match, parisian paris."
    spans = answer_matching.find(text, ["Paris", "paris match", "paris", ""])
    assert [text.encode()[a:b].decode() for a, b in spans] == [
        "PARIS",
        "Paris",
        "Paris\n Match",
        "paris",
    ]
    assert spans == sorted(spans)


def test_find_takes_answers_literally():
    assert answer_matching.find("cost $5.0 (net)", ["$5.0", "(net)", ".*"]) == [(6, 9), (11, 14)]
