# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds the answers of many questions in many texts, in one pass over the texts.

What is found is what `answer_matching` finds question by question. Plain answers are looked up by
hash at every word of a text, so a pass costs about the same for ten answers and for 100,000.
Regular expressions have no such index: each is searched for in every text until it is found.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from realm_tf.data.questions import questions as questions_lib
from realm_tf.text import answer_matching

_Needle = tuple[str, ...]


class AnswerSearch:
    """The answers of a list of questions, to be looked for in texts.

    Args:
      questions: The questions, those with regular expressions among them.
    """

    def __init__(self, questions: Sequence[questions_lib.Question]):
        self._askers: dict[_Needle, list[int]] = {}
        self._lengths: dict[str, tuple[int, ...]] = {}  # of the answers with this first word
        self._patterns: dict[int, tuple[str, ...]] = {}
        for number, question in enumerate(questions):
            if question.is_regex:
                self._patterns[number] = question.answers
            else:
                self._add(number, question.answers)

    def _add(self, number: int, answers: Iterable[str]) -> None:
        needles = {tuple(answer_matching.comparable_words(answer)) for answer in answers} - {()}
        for needle in needles:
            self._askers.setdefault(needle, []).append(number)
            known = self._lengths.get(needle[0], ())
            self._lengths[needle[0]] = tuple(sorted({*known, len(needle)}))

    def find(self, text: str, words: Sequence[str]) -> set[int]:
        """The places in the list of those questions that have an answer in this text.

        A question with regular expressions is given once, for the first text that holds one.

        Args:
          text: The text.
          words: Its words, as `answer_matching.comparable_words` gives them.
        """
        needles = set()
        for start, word in enumerate(words):
            for length in self._lengths.get(word, ()):
                needle = tuple(words[start : start + length])
                if needle in self._askers:
                    needles.add(needle)
        found = {number for needle in needles for number in self._askers[needle]}
        matched = [n for n, p in self._patterns.items() if answer_matching.regex_contains(text, p)]
        for number in matched:
            del self._patterns[number]
        return found.union(matched)
