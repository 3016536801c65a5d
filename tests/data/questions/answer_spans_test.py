# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Answers found in token ids and in text, against a search by strings."""

import dataclasses
import re
import unicodedata

import numpy as np
import pytest

from realm_tf import types
from realm_tf.data.blocks import keys, shards
from realm_tf.data.blocks import table as block_table
from realm_tf.data.questions import answer_spans
from realm_tf.text import tokenizer as tokenizer_lib
from tests.data import example_passages

TOKENIZER = example_passages.tokenizer()
BORDERS = answer_spans.continuations(TOKENIZER)


def _ragged(*texts):
    return types.Ragged.of([text.ids for text in TOKENIZER.encode(texts)], np.uint16)


def _find(blocks, rows, *answers):
    (ids,) = answer_spans.answer_token_ids(TOKENIZER, [answers])
    spans = answer_spans.find_answer_spans(
        blocks.take(np.array(rows, np.int64)), ids, is_continuation=BORDERS
    )
    return list(zip(*(column.tolist() for column in spans), strict=True))


def test_continuations_are_the_pieces_within_words():
    inside = [TOKENIZER.vocab[i] for i in np.flatnonzero(BORDERS)]
    assert inside == ["##saw", "##s", "##rid"]


def test_answers_stop_at_word_borders():
    blocks = _ragged("war in warsaw", "the warsaw war", "rivers of warsaw")
    assert _find(blocks, [0, 1, 2], "War") == [(0, 0, 1), (1, 3, 4)]
    assert _find(blocks, [0, 1, 2], "warsaw") == [(0, 2, 4), (1, 1, 3), (2, 3, 5)]


def test_an_answer_does_not_begin_within_a_word():
    blocks = _ragged("lake ohrid")
    within = [np.array([TOKENIZER.vocab.index("##rid")])]
    spans = answer_spans.find_answer_spans(blocks, within, is_continuation=BORDERS)
    assert spans.slot.tolist() == []


def test_an_answer_does_not_run_from_block_to_block():
    blocks = _ragged("in the lake", "ohrid of")
    assert _find(blocks, [0, 1], "lake ohrid") == []
    assert _find(blocks, [0, 1], "lake", "ohrid of") == [(0, 2, 3), (1, 0, 3)]


def test_a_block_that_begins_within_a_word_does_not_bind_the_one_before():
    war, saw = TOKENIZER.vocab.index("war"), TOKENIZER.vocab.index("##saw")
    blocks = types.Ragged(np.array([war, saw], np.uint16), np.array([0, 1, 2]))
    assert _find(blocks, [0, 1], "war") == [(0, 0, 1)]


def test_missing_and_empty_blocks_hold_nothing():
    blocks = _ragged("war", "", "the war")
    assert _find(blocks, [-1, 1, 2, -1, 1], "war") == [(2, 1, 2)]
    assert _find(blocks, [-1, -1], "war") == []
    assert _find(blocks, [], "war") == []
    assert _find(blocks, [0, 2]) == []


def test_a_span_is_found_once_however_many_answers_it_is():
    blocks = _ragged("café of lake ohrid")
    assert _find(blocks, [0], "café", "Cafe", "cafe of") == [(0, 0, 1), (0, 0, 2)]


def test_answers_that_would_match_anything_are_dropped():
    ids = answer_spans.answer_token_ids(
        TOKENIZER, [["", "xyzzy", "the xyzzy"], ["the", "."], ["war"]]
    )
    assert [[len(answer) for answer in group] for group in ids] == [[2], [], [1]]


def test_random_blocks_match_the_oracle():
    rng = np.random.default_rng(0)
    values = rng.integers(5, 9, 600).astype(np.uint16)
    is_continuation = np.array([False] * 8 + [True])
    offsets = np.sort(np.append(rng.integers(0, 601, 29), [0, 600]))
    for _ in range(50):
        rows = rng.integers(-1, 30, 12)
        answers = [rng.integers(5, 9, rng.integers(1, 4)) for _ in range(3)]
        expected = set()
        for slot, row in enumerate(rows.tolist()):
            body = values[offsets[row] : offsets[row + 1]].tolist() if row >= 0 else []
            for answer in answers:
                for at in range(len(body) - len(answer) + 1):
                    follows = body[at + len(answer)] if at + len(answer) < len(body) else 5
                    if body[at : at + len(answer)] == answer.tolist() and 8 not in (
                        body[at],
                        follows,
                    ):
                        expected.add((slot, at, at + len(answer)))
        spans = answer_spans.find_answer_spans(
            types.Ragged(values, offsets).take(rows), answers, is_continuation=is_continuation
        )
        assert list(zip(*(c.tolist() for c in spans), strict=True)) == sorted(expected)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    passages = example_passages.passages(seed=5, num_docs=10)
    return example_passages.table(tmp_path_factory.mktemp("answers"), passages)


def test_regular_expressions_match_the_texts(table):
    rows = np.append(np.arange(len(table)), -1)
    spans = answer_spans.find_regex_spans(table, rows, [r"CAF[ée]|lake\s+ohrid", r"\d+", r"x*"])
    found = [
        (slot, table.token_byte_start(slot)[start], table.token_byte_limit(slot)[limit - 1])
        for slot, start, limit in zip(*(c.tolist() for c in spans), strict=True)
    ]
    expected = [
        (row, match.start(), match.end())
        for row in range(len(table))
        for match in re.finditer("café|lake ohrid|1921".encode(), table.text(row).encode())
    ]
    assert found == expected
    assert len(found) > 20


def test_a_match_within_a_word_is_widened_to_wordpieces(table):
    row = next(row for row in range(len(table)) if "warsaw" in table.text(row))
    spans = answer_spans.find_regex_spans(table, np.array([row]), ["rsa"])
    pieces = [TOKENIZER.vocab[i] for i in table.token_ids(row)[spans.start[0] : spans.limit[0]]]
    assert pieces == ["war", "##saw"]


TEXTS = (
    "यहाँ मल है",
    "यहाँ मेल है",
    "ひろいかわとかわら",
    "ひろいがわ",
    "ไปเกาะสมุย",
    "他住在塔姆辛河畔",
    "war 555まで",
)


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    """A table of texts in other scripts, with every character a wordpiece of an uncased BERT."""
    letters = sorted({c for text in TEXTS for c in unicodedata.normalize("NFD", text)} - {" "})
    pieces = ["war", *letters, *(f"##{c}" for c in letters)]
    tokenizer = tokenizer_lib.Tokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *pieces])
    model = example_passages.passages(seed=5, num_docs=1)[0].block
    made = []
    for text, tokens in zip(TEXTS, tokenizer.encode(TEXTS), strict=True):
        block = dataclasses.replace(
            model,
            block_id=keys.block_id("d", "", text, 0),
            text=text,
            token_ids=tokens.ids,
            token_byte_start=tokens.byte_start,
            token_byte_limit=tokens.byte_limit,
            sentence_byte_start=np.array([0], np.int32),
            sentence_byte_limit=np.array([len(text.encode())], np.int32),
        )
        made.append(types.Passage(block, ()))
    segment, _ = shards.write_segments(
        str(tmp_path_factory.mktemp("scripts")),
        made,
        num_shards=1,
        settings={"vocab_size": tokenizer.vocab_size},
        made_from={"tokenizer": tokenizer.fingerprint},
    )
    return tokenizer, block_table.BlockTable.open(segment)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("मल", [("यहाँ मल है", "मल")]),  # and not the word that differs by its vowel sign
        ("मेल", [("यहाँ मेल है", "मेल")]),
        ("かわ", [("ひろいかわとかわら", "かわ"), ("ひろいかわとかわら", "かわ")]),
        ("がわ", [("ひろいがわ", "がわ")]),
        ("เกาะ", [("ไปเกาะสมุย", "เกาะ")]),
        ("กา", []),
        ("塔姆辛河", [("他住在塔姆辛河畔", "塔姆辛河")]),
        ("555", [("war 555まで", "555")]),
        ("55", []),
    ],
)
def test_answers_in_other_scripts(scripts, answer, expected):
    tokenizer, table = scripts
    rows = np.append(np.arange(len(table)), -1)
    (ids,) = answer_spans.answer_token_ids(tokenizer, [[answer]])
    plain = answer_spans.find_answer_spans(
        table.take("token_ids", rows), ids, is_continuation=answer_spans.continuations(tokenizer)
    )
    spans = answer_spans.merge([plain, answer_spans.find_text_spans(table, rows, [answer])])
    found = []
    for slot, start, limit in zip(*(c.tolist() for c in spans), strict=True):
        first, last = table.token_byte_start(slot)[start], table.token_byte_limit(slot)[limit - 1]
        found.append((table.text(slot), table.text(slot).encode()[first:last].decode()))
    assert sorted(found) == expected
