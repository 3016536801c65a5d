# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The words in the graph are those of the host, in every script."""

import random
import unicodedata

import pytest
import tensorflow as tf

from realm_tf.text import answer_matching
from serving import graph_words

CHARACTERS = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
# Letters, digits, marks and punctuation, many of which only Unicode's data tell apart.
MEANINGFUL = [
    c
    for c in CHARACTERS[:0x20000]
    if c.isalnum() or unicodedata.combining(c) or unicodedata.category(c)[0] in "MP"
]
POOLS = (
    "aA nthe THEe\u0300\u0301\u0323\u200c\u200d_'.",  # articles, accents, joiners
    "aΑΣσς Σ'.\u00ad\u0301İıß",  # which of the two small sigmas
    "กเแำะาๆ่ิ",
    "ຂເແະາຳ",
    "ကျ္ကၠငြ်",
    "កខ្ម្រុ",
    "\u1a20\u1a60\u1a21\u1a75",
    "のア東京ー々・ﾊﾟ",
    "한국어가각\u1100\u1161\u11a8",
    "اللهم\u200c\u064b\u0651",
    "हिन्दी\u094d\u093c",
)


@pytest.fixture(scope="module")
def words():
    graph = graph_words.GraphWords()
    texts = [tf.TensorSpec([None], tf.string)]
    return tf.function(graph.__call__, input_signature=texts, autograph=False)


def _require_same(words, texts):
    found = words(tf.constant(texts, tf.string)).to_list()
    for text, of_text in zip(texts, found, strict=True):
        assert [word.decode() for word in of_text] == answer_matching.comparable_words(text), text


@pytest.mark.parametrize(
    "text",
    [
        "The lake, a LAKE; an Ohrid-Lake! theatre anaconda A.",
        "a a a the an a\u0301 a\u200ca the\u0301",
        "L'ÉTÉ à Évian: 25 °C. Die Straße — „schön“ — führt nach Zürich.",
        "ΟΔΥΣΣΕΥΣ ΣΑΣ Σ ΑΣ. 'ΑΣ' ΑΣΑ",
        "現任市長是王小明先生。東京タワーはどこ？",
        "ก็ เขา เเเก น้ำ ພາສາລາວ ကျွန်တော် ខ្មែរ",
        "q\u0307\u0323 q\u0323\u0307 가 각 \u1e9b\u0323",
        "\ufeffbom\x00nul\x1emark\x1fend\ttab\nline\u2028",
        "",
    ],
)
def test_words_of_a_text(words, text):
    _require_same(words, [text])


def test_random_ascii(words):
    rng = random.Random(1)
    signs = [chr(code) for code in range(128)] + list("athe n" * 9)
    _require_same(words, ["".join(rng.choices(signs, k=rng.randrange(60))) for _ in range(2000)])


def test_random_texts_of_each_script_and_of_several(words):
    rng = random.Random(2)
    texts = []
    for _ in range(3000):
        pool = rng.choice(POOLS) + (rng.choice(POOLS) if rng.random() < 0.3 else "")
        size = rng.randrange(15)
        texts.append(
            "".join(rng.choice(pool if rng.random() < 0.9 else MEANINGFUL) for _ in range(size))
        )
    _require_same(words, texts)


def test_every_character(words):
    _require_same(words, ["q".join(CHARACTERS[at::2300]) for at in range(2300)])


def test_bytes_that_are_no_text_divide_words(words):
    found = words(tf.constant([b"lake\xff\xfeohrid \xe4"])).to_list()
    assert found == [[b"lake", b"ohrid"]]
