# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Words in many scripts."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realm_tf.text import words

LATIN = st.characters(max_codepoint=0x52F, exclude_categories=["Cs"])


@given(st.text(LATIN))
def test_latin_greek_and_cyrillic_words_are_what_white_space_divides(text):
    assert words.split(text) == text.split()
    assert words.count(text) == len(text.split())


@given(st.text(st.characters(max_codepoint=0x2FF)))
def test_words_without_marks_are_those_of_regular_expressions(text):
    assert [match.group() for match in words.find(text)] == re.findall(r"\w+", text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("阿爾多是555ft高。", "阿 爾 多 是 555ft 高"),
        ("か\u3099アルド、ラーメン", "か\u3099 ア ル ド ラ ー メ ン"),
        ("น้ำเกาะ ๑๒", "น้ำ เกาะ ๑๒"),
        ("ភ្នំពេញ។", "ភ្នំ ពេ ញ"),
        ("မန္တလေး၊", "မ န္တ လေး"),
        ("ລາວນໍ້າ", "ລາ ວ ນໍ້າ"),
        ("यहाँ दिल है।", "यहाँ दिल है"),
        ("می\u200cخواهم، كِتاب؟", "می\u200cخواهم كِتاب"),
        ("서울은 東京", "서울은 東 京"),
        ("\U00020000\U0002a6df x", "\U00020000 \U0002a6df x"),
    ],
)
def test_scripts(text, expected):
    assert words.split(text) == expected.split(" ")
    assert [match.group() for match in words.find(text)] == expected.split(" ")
    assert words.count(text) == len(expected.split(" "))


def test_count_stops():
    assert words.count("東 " * 50, 20) == 20
    assert words.count("a b", 20) == 2


def test_plain_scripts():
    assert all(map(words.is_plain, ["", "Café № 5", "Αθήνα", "Москва", "Việt", "“€5”", "Ọ̀yọ́"]))
    assert not any(map(words.is_plain, ["東京", "a दिल", "ไทย", "سلام", "שלום", "서울"]))
