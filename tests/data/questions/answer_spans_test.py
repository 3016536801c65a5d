# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Answers found in token ids and in text, against a search by strings."""

import re

import numpy as np
import pytest

from realm_tf import types
from realm_tf.data.questions import answer_spans
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
    ids = answer_spans.answer_token_ids(TOKENIZER, [["", "xyzzy", "the xyzzy"], [], ["war"]])
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
