# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is a date, and what only looks like one."""

import pytest

from realm_tf.text import dates


def find(text: str) -> list[str]:
    return [text.encode()[a:b].decode() for a, b in dates.find(text)]


@pytest.mark.parametrize(
    "date",
    [
        "May 12, 2008",
        "May 12 2008",
        "12 May 2008",
        "the 3rd of June 1920",
        "Sept. 5, 1990",
        "May 2008",
        "May 12",
        "12 May",
        "2008-05-12",
        "1990",
        "1990s",
        "19th century",
        "5th century BC",
        "44 BC",
        "AD 79",
        "October",
    ],
)
@pytest.mark.parametrize("sentence", ["Café: it was {} then.", "{}", "({}), or", "by {}, he"])
def test_dates(date, sentence):
    assert find(sentence.format(date)) == [date.removeprefix("the ")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("in May he may march in March.", ["May", "March"]),
        ("(1879-1955) and 1914–1918", ["1879", "1955", "1914", "1918"]),
        ("mid-1941", ["1941"]),
        ("born 1 January 1900, died 1980.", ["1 January 1900", "1980"]),
        ("May 1, 2000 people came", ["May 1, 2000"]),
    ],
)
def test_several(text, expected):
    assert find(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "1500 km",
        "1,500",
        "1500 people",
        "$1990",
        "1990.5",
        "A1990",
        "1990kg",
        "1200%",
        "he may come",
        "they march on",
        "19905",
        "3000",
        "555-1234",
        "the August personage",
        "",
    ],
)
def test_not_dates(text):
    assert find(text) == []
