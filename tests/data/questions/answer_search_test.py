# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The search for many answers at once finds what `answer_matching` finds one by one."""

import random

from realm_tf.data.questions import answer_search
from realm_tf.data.questions import questions as questions_lib
from realm_tf.text import answer_matching

WORDS = ["The", "nile", "Nile", "a", "river", "São", "Paulo", "U.S.", "1953", "東京", "-", "an"]


def _question(number, answers, *, is_regex=False):
    return questions_lib.Question(str(number), "What?", tuple(answers), (), is_regex)


def _find(search, text):
    return search.find(text, answer_matching.comparable_words(text))


def test_the_same_as_one_by_one():
    rng = random.Random(0)

    def text(most):
        return " ".join(rng.choices(WORDS, k=rng.randint(1, most)))

    questions = [_question(n, [text(3) for _ in range(rng.randint(1, 3))]) for n in range(60)]
    search = answer_search.AnswerSearch(questions)
    counts = 0
    for _ in range(200):
        haystack = text(12)
        wanted = {
            n for n, q in enumerate(questions) if answer_matching.contains(haystack, q.answers)
        }
        assert _find(search, haystack) == wanted
        counts += len(wanted)
    assert 0 < counts < 200 * 60


def test_patterns_are_found_once():
    questions = [
        _question(0, [r"19\d\d"], is_regex=True),
        _question(1, ["Nile"]),
        _question(2, [r"x*"], is_regex=True),  # it matches the empty text: no answer
    ]
    search = answer_search.AnswerSearch(questions)
    assert _find(search, "In Africa.") == set()
    assert _find(search, "The Nile in 1953") == {0, 1}
    assert _find(search, "The Nile in 1953") == {1}
