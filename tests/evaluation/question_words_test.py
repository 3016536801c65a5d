# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Question words by hand."""

import pytest

from realm_tf.evaluation import question_words


@pytest.mark.parametrize(
    ("question", "word"),
    [
        ("Who wrote it?", "who"),
        ("To whom did it belong, and when?", "who"),
        ("In which year was Addis Ababa founded?", "when"),
        ("what Century was that", "when"),
        ("Where is it?", "where"),
        ("In how many battles?", "how many"),
        ("How much is it?", "how many"),
        ("How is it?", "how"),
        ("Why?", "why"),
        ("Which country is it?", "which"),
        ("The river flows through what?", "what"),
        ("What's that?", "what"),
        ("Name the whole whomever.", "other"),
        ("Wo liegt der See?", "other"),
        ("", "other"),
    ],
)
def test_of(question, word):
    assert question_words.of(question) == word


def test_groups_are_in_the_order_of_the_table():
    groups = question_words.group(["What?", "x", "Who?", "what?"])
    assert list(groups.items()) == [("who", [2]), ("what", [0, 3]), ("other", [1])]
