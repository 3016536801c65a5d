# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds the answers of many questions in many texts, in one pass over the texts.

Plain answers are looked up by hash, so a pass costs about the same for ten answers and for 100,000.
Regular expressions have no such index: each is searched for in every text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from realm_tf.data.questions import questions as questions_lib
from realm_tf.text import answer_matching

NORMALISED, ORIGINAL = "normalised", "original"
# Lengths of what answers begin with, by which they are looked up at every place of a text.
_BEGINNINGS = (1, 2, 4, 8, 16)

_Needle = tuple[str, ...]


class AnswerSearch:
    """The distinct answers of a list of questions, to be looked for in texts.

    Args:
      questions: The questions, those with regular expressions among them.
      rule: When a text holds a plain answer. `normalised`: as `answer_matching.contains` says, a
        run of its words; `original`: it has the answer's characters somewhere, as in ORQA's code
        (Lee et al., 2019).

    Attributes:
      num_answers: Number of distinct answers.
    """

    def __init__(self, questions: Sequence[questions_lib.Question], rule: str = NORMALISED):
        distinct = sorted({(q.is_regex, answer) for q in questions for answer in q.answers})
        self._numbers = {answer: number for number, answer in enumerate(distinct)}
        self.num_answers = len(distinct)
        plain = ((text, n) for (is_regex, text), n in self._numbers.items() if not is_regex)
        self._plain: _Plain = _Words(plain) if rule == NORMALISED else _Characters(plain)
        self._patterns = {n: text for (is_regex, text), n in self._numbers.items() if is_regex}

    def of(self, question: questions_lib.Question) -> list[int]:
        """The numbers of the answers of one of the questions, from 0."""
        return [self._numbers[question.is_regex, answer] for answer in question.answers]

    def find(self, text: str, comparable: Sequence[str] | None = None) -> set[int]:
        """The numbers of the answers that a text holds.

        Args:
          text: The text.
          comparable: Its words, as `answer_matching.comparable_words` gives them, if they are
            known already.
        """
        return self._plain.find(text, comparable) | {
            number
            for number, pattern in self._patterns.items()
            if answer_matching.regex_contains(text, (pattern,))
        }

    def forget_patterns(self, numbers: Iterable[int]) -> None:
        """Looks for these regular expressions no more: to know where they are first is enough."""
        for number in numbers:
            self._patterns.pop(number, None)


class _Plain(Protocol):
    def find(self, text: str, comparable: Sequence[str] | None) -> set[int]:
        """The numbers of the answers in a text."""


class _Words:
    """Answers as runs of words."""

    def __init__(self, answers: Iterable[tuple[str, int]]):
        self._numbers: dict[_Needle, list[int]] = {}
        self._lengths: dict[str, set[int]] = {}  # of the answers with this first word
        for text, number in answers:
            if needle := tuple(answer_matching.comparable_words(text)):
                self._numbers.setdefault(needle, []).append(number)
                self._lengths.setdefault(needle[0], set()).add(len(needle))

    def find(self, text: str, comparable: Sequence[str] | None) -> set[int]:
        """See `_Plain`."""
        words = answer_matching.comparable_words(text) if comparable is None else comparable
        return {
            number
            for start, word in enumerate(words)
            for length in self._lengths.get(word, ())
            for number in self._numbers.get(tuple(words[start : start + length]), ())
        }


class _Characters:
    """Answers as runs of characters; an answer without any is in no text."""

    def __init__(self, answers: Iterable[tuple[str, int]]):
        self._answers: dict[str, list[tuple[str, int]]] = {}  # by what they begin with
        for text, number in answers:
            if text:
                length = max(length for length in _BEGINNINGS if length <= len(text))
                self._answers.setdefault(text[:length], []).append((text, number))
        self._lengths = sorted({len(beginning) for beginning in self._answers})

    def find(self, text: str, comparable: Sequence[str] | None) -> set[int]:
        """See `_Plain`."""
        del comparable
        return {
            number
            for start in range(len(text))
            for answer, number in self._beginning_at(text, start)
            if text.startswith(answer, start)
        }

    def _beginning_at(self, text: str, start: int) -> Iterator[tuple[str, int]]:
        for length in self._lengths:
            yield from self._answers.get(text[start : start + length], ())
