# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A span of bytes becomes whole wordpieces, or says why it cannot."""

import numpy as np
import pytest

from realm_tf import types
from realm_tf.data.blocks import spans
from tests.text import vocabularies


def block_of(text: str) -> types.Block:
    tokens = vocabularies.tokenizer().encode([text])[0]
    return types.Block(
        block_id=1,
        doc_id="d",
        title="",
        text=text,
        metadata="{}",
        doc_byte_start=0,
        title_ids=np.zeros(0, np.int32),
        token_ids=tokens.ids,
        token_byte_start=tokens.byte_start,
        token_byte_limit=tokens.byte_limit,
        sentence_byte_start=np.array([0], np.int32),
        sentence_byte_limit=np.array([len(text.encode())], np.int32),
    )


def locate(text: str, part: str) -> types.Span | str:
    start = text.encode().index(part.encode())
    limit = start + len(part.encode())
    return spans.locate(block_of(text), start, limit, "NAME", vocabularies.tokenizer().unk_id)


@pytest.mark.parametrize(
    ("part", "token_start", "token_limit"),
    [("Louis", 2, 4), ("New York", 5, 7), ("Né", 0, 2), (".", 7, 8)],
)
def test_span_is_the_wordpieces_of_its_bytes(part, token_start, token_limit):
    text = "Né Louis in New York."
    start = text.encode().index(part.encode())
    limit = start + len(part.encode())
    assert locate(text, part) == types.Span(start, limit, token_start, token_limit, "NAME")


def test_borders_of_wordpieces_inside_a_word_are_borders():
    assert locate("Né Louis in New York.", "Lou") == types.Span(4, 7, 2, 3, "NAME")


@pytest.mark.parametrize("part", ["ou", "s in", "in Ne"])
def test_span_that_cuts_a_wordpiece_is_left_out(part):
    assert locate("Né Louis in New York.", part) == spans.INSIDE_WORDPIECE


@pytest.mark.parametrize("part", [" Louis", "Louis ", " "])
def test_span_with_white_space_at_its_border_is_left_out(part):
    assert locate("Né Louis in New York.", part) == spans.INSIDE_WORDPIECE


def test_empty_span_is_left_out():
    assert locate("Né Louis in New York.", "") == spans.INSIDE_WORDPIECE


def test_span_with_the_unknown_wordpiece_is_left_out():
    assert locate("They saw Жж and Warsaw.", "Жж") == spans.UNKNOWN_WORDPIECE
    assert locate("They saw Жж and Warsaw.", "saw Жж") == spans.UNKNOWN_WORDPIECE


def test_span_of_a_block_without_wordpieces_is_left_out():
    assert spans.locate(block_of(" "), 0, 1, "NAME", 1) == spans.INSIDE_WORDPIECE
