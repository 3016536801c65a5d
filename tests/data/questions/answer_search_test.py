# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The search for many answers at once finds what a search for each of them finds."""

import random

import pytest

from realm_tf.data.questions import answer_search
from realm_tf.data.questions import questions as questions_lib
from realm_tf.text import answer_matching

WORDS = ["The", "nile", "Nile", "a", "river", "São", "Paulo", "U.S.", "1953", "東京", "-", "an"]
LETTERS = ["a", "b", "ab", "ba", "aab ", "é"]


def _question(number, answers, *, is_regex=False):
    return questions_lib.Question(str(number), "What?", tuple(answers), (), is_regex)


def _asking(search, questions, text):
    """Places of the questions of which an answer is in a text."""
    found = search.find(text)
    return {place for place, question in enumerate(questions) if found & {*search.of(question)}}


@pytest.mark.parametrize(
    ("rule", "pieces", "joint", "contains"),
    [
        (answer_search.NORMALISED, WORDS, " ", answer_matching.contains),
        (
            answer_search.ORIGINAL,
            LETTERS,
            "",
            lambda text, answers: any(a in text for a in answers),
        ),
    ],
)
def test_the_same_as_one_by_one(rule, pieces, joint, contains):
    rng = random.Random(0)

    def text(most):
        return joint.join(rng.choices(pieces, k=rng.randint(1, most)))

    lengths = (3, 3, 12)
    answers = [[text(rng.choice(lengths)) for _ in range(rng.randint(1, 3))] for _ in range(60)]
    questions = [
        _question(n, found) for n, found in enumerate(answers) if any(map(str.strip, found))
    ]
    search = answer_search.AnswerSearch(questions, rule)
    counts = 0
    for _ in range(200):
        haystack = text(14)
        wanted = {n for n, q in enumerate(questions) if contains(haystack, q.answers)}
        assert _asking(search, questions, haystack) == wanted
        counts += len(wanted)
    assert 0 < counts < 200 * len(questions)


def test_equal_answers_have_one_number_and_patterns_their_own():
    questions = [
        _question(0, ["Nile", "nile"]),
        _question(1, ["Nile"]),
        _question(2, ["Nile"], is_regex=True),
    ]
    search = answer_search.AnswerSearch(questions)
    assert search.num_answers == 3
    assert search.of(questions[0])[:1] == search.of(questions[1]) != search.of(questions[2])


def test_what_is_original_counts_characters():
    questions = [_question(0, ["war"]), _question(1, ["War"])]
    by_words, by_characters = (
        answer_search.AnswerSearch(questions, rule) for rule in ("normalised", "original")
    )
    assert _asking(by_words, questions, "In Warsaw") == set()
    assert _asking(by_words, questions, "The WAR!") == {0, 1}
    assert _asking(by_characters, questions, "In Warsaw") == {1}
    assert _asking(by_characters, questions, "The WAR!") == set()


def test_patterns_are_found_until_they_are_forgotten():
    questions = [
        _question(0, [r"19\d\d"], is_regex=True),
        _question(1, ["Nile"]),
        _question(2, [r"x*"], is_regex=True),  # it matches the empty text: no answer
    ]
    search = answer_search.AnswerSearch(questions)
    assert _asking(search, questions, "In Africa.") == set()
    for _ in range(2):
        assert _asking(search, questions, "The Nile in 1953") == {0, 1}
    search.forget_patterns(search.find("The Nile in 1953"))
    assert _asking(search, questions, "The Nile in 1953") == {1}
