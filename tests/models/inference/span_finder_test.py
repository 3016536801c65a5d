# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Spans of texts that nobody divided into words, in bytes, whatever else is tagged with them."""

import pytest

from realm_tf.models.inference import span_finder
from tests.models import taggers
from tests.text import vocabularies

TAG_OF = {"warsaw": "B-LOC", "new": "B-LOC", "york": "I-LOC", "-": "I-LOC", "lou": "B-PER"}


@pytest.fixture(scope="module")
def segment(tmp_path_factory):
    return taggers.segment(tmp_path_factory.mktemp("finder"), vocabularies.tokenizer(), TAG_OF)


@pytest.fixture(scope="module")
def finder(segment):
    return span_finder.SpanFinder(segment, batch_size=2)


def _find(finder, *sentences):
    return [
        [(text.encode()[s.byte_start : s.byte_limit].decode(), s.label) for s in spans]
        for text, spans in zip(sentences, finder.find(sentences), strict=True)
    ]


def test_spans_in_bytes(finder):
    assert _find(finder, "Éé, Louis was in New  York.", "A river.", "", "New-York, Warsaw") == [
        [("Louis", "PER"), ("New  York", "LOC")],
        [],
        [],
        [("New-York", "LOC"), ("Warsaw", "LOC")],
    ]


def test_only_first_wordpieces_count(finder):
    assert _find(finder, "Lou Louwarsaw") == [[("Lou", "PER"), ("Louwarsaw", "PER")]]


@pytest.mark.parametrize("words", [taggers.LENGTH - 2, taggers.LENGTH - 1, 100])
def test_long_sentence_is_tagged_to_its_end(finder, words):
    text = " ".join(["the"] * (words - 3) + ["Warsaw", "New", "York"])
    assert _find(finder, text) == [[("Warsaw", "LOC"), ("New York", "LOC")]]


def test_other_sentences_do_not_matter(segment, finder):
    texts = ["Warsaw", "the New York " * 5, "the", "of Louis " * 3, "New York"] * 3
    together = _find(span_finder.SpanFinder(segment, batch_size=4), *texts)
    assert together == [found for text in texts for found in _find(finder, text)]
    assert _find(finder) == []


def test_labels(finder):
    assert list(finder.labels) == ["LOC", "PER"]
