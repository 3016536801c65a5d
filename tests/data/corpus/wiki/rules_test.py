# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is no article."""

import pytest

from realm_tf.data.corpus.wiki import rules as wiki_rules


@pytest.mark.parametrize(
    ("title", "source", "expected"),
    [
        ("Mercury", "text {{disambiguation}}", True),
        ("Mercury", "text {{Geodis | x}}", True),
        ("Mercury", "text\n{{hndis|name=Mercury}}", True),
        ("Merkur", "{{Begriffsklärung}}", True),
        ("Mercury (disambiguation)", "text", True),
        ("Mercury", "{{about|a planet|others|Mercury (disambiguation)}} text", False),
        ("Mercury", "text{{disambiguation needed}} {{Disambiguator}}", False),
        ("Disambiguation", "the word", False),
    ],
)
def test_disambiguation(title, source, expected):
    assert wiki_rules.is_disambiguation(title, source) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mercury may refer to:\nA planet", True),
        ("Mercury can also refer to several things:\nA", True),
        ("Mercury may refer to a planet. It is hot.\nMore", False),
        ("Mercury is a planet.\nMercury may refer to:", False),
        ("They may refer\nto", True),
    ],
)
def test_texts_that_read_as_disambiguation(text, expected):
    assert wiki_rules.reads_as_disambiguation("Mercury", text) == expected


def test_lists():
    for title in ("List of towns", "Lists of lists", "Outline of physics", "Glossary of law"):
        assert wiki_rules.is_list(title)
    for title in ("Listed building", "A list of towns", "List", "Indexing"):
        assert not wiki_rules.is_list(title)
