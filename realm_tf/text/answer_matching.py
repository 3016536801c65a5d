# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Normalises and compares answers as open-domain QA does, and finds them in texts.

`normalize`, exact match and F1 are SQuAD's (Rajpurkar et al., 2016) after Unicode NFD, as in ORQA
(Lee et al., 2019); the regular expressions of CuratedTREC are matched as in DrQA (Chen et al.,
2017). For scripts other than Latin they do what is meant (Lewis et al., 2020, MLQA): `words` says
what a word is, and punctuation of such scripts goes as that of ASCII does.

An answer of which nothing is left when it is normalised ("", "!", "The The") is no answer: it
equals nothing, and no text holds it.
"""

from __future__ import annotations

import collections
import functools
import re
import string
import unicodedata
from collections.abc import Iterator, Sequence

from realm_tf import types
from realm_tf.text import offsets, words

PUNCTUATION = re.escape(string.punctuation) + words.PUNCTUATION  # between brackets

# In NFD an accent may stand before or behind what is then no article: "\u00e0", "Espa\u00f1a".
_ARTICLES = re.compile(
    rf"\b(?=[aAtT])(?<![{words.MARKS}])([aA][nN]?|[tT][hH][eE])\b(?![{words.MARKS}])"
)
_PUNCTUATION = re.compile(f"[{PUNCTUATION}]")


def normalize(text: str) -> str:
    """Normalises an answer: NFD, lower case, no punctuation or articles, single spaces.

    Punctuation is that of ASCII, and of scripts other than Latin.
    """
    text = _PUNCTUATION.sub("", _fold(text))
    return " ".join(_ARTICLES.sub(" ", text).split())


def exact_match(prediction: str, answers: Sequence[str]) -> bool:
    """Whether `prediction` equals one of `answers` when both are normalised."""
    given = words.split(normalize(prediction))
    return bool(given) and any(given == words.split(normalize(answer)) for answer in answers)


def f1(prediction: str, answers: Sequence[str]) -> float:
    """Compares an answer with the right ones by the words that they share: the best F1, 0 to 1."""
    given = words.split(normalize(prediction))
    return max((_f1(given, words.split(normalize(answer))) for answer in answers), default=0.0)


def regex_match(prediction: str, patterns: Sequence[str]) -> bool:
    """Whether a pattern matches at the start of `prediction`, ignoring case.

    A pattern that matches the empty text counts for nothing, as it would match any prediction.

    Raises:
      UserError: If a pattern is not a regular expression.
    """
    return any(pattern.match(prediction) for pattern in _patterns(patterns))


def regex_contains(text: str, patterns: Sequence[str]) -> bool:
    """Whether a pattern matches anywhere in `text`, ignoring case.

    A pattern that matches the empty text counts for nothing, as it would match any text.

    Raises:
      UserError: If a pattern is not a regular expression.
    """
    return any(pattern.search(text) for pattern in _patterns(patterns))


def comparable_words(text: str) -> list[str]:
    """The words of a text as `contains` compares them: NFD, lower case, no articles or signs."""
    return [match.group() for match in words.find(_ARTICLES.sub(" ", _fold(text)))]


def contains(text: str, answers: Sequence[str]) -> bool:
    """Whether `text` holds any of `answers` as a run of whole words.

    Both are compared in NFD and lower case, without punctuation and articles. An answer without
    words is in no text.
    """
    haystack = f" {' '.join(comparable_words(text))} "
    return any(f" {' '.join(needle)} " in haystack for needle in _needles(tuple(answers)))


def find(text: str, answers: Sequence[str]) -> list[tuple[int, int]]:
    """Finds answers in a text, where `contains` sees them.

    Returns:
      (byte_start, byte_limit) of every occurrence, sorted.
    """
    folded = _fold(text)
    needles = [n for n in _needles(tuple(answers)) if all(word in folded for word in n)]
    if not needles:  # most texts hold none
        return []
    articles = {match.span() for match in _ARTICLES.finditer(text)}
    matches = (match for match in words.find(text) if match.span() not in articles)
    found = [(_fold(match.group()), *match.span()) for match in matches]
    spans = set()
    for needle in needles:
        for first in (at for at, item in enumerate(found) if item[0] == needle[0]):
            run = found[first : first + len(needle)]
            if tuple(item[0] for item in run) == needle:
                spans.add((run[0][1], run[-1][2]))
    return offsets.to_bytes(text, sorted(spans))


def _fold(text: str) -> str:
    return unicodedata.normalize("NFD", text).lower()


@functools.lru_cache(maxsize=256)
def _needles(answers: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
    """The words of answers, for many texts to be looked through."""
    return frozenset(tuple(comparable_words(answer)) for answer in answers) - {()}


def _f1(left: list[str], right: list[str]) -> float:
    if not left or not right:
        return 0.0
    shared = sum((collections.Counter(left) & collections.Counter(right)).values())
    return 2 * shared / (len(left) + len(right))


def _patterns(patterns: Sequence[str]) -> Iterator[re.Pattern[str]]:
    """The patterns that do not match everything."""
    for pattern in patterns:
        try:
            compiled = re.compile(pattern, re.IGNORECASE | re.MULTILINE)
        except re.error as error:
            raise types.UserError(
                f"An answer is not a regular expression: {error}. Received: {pattern!r}."
            ) from error
        if not compiled.search(""):
            yield compiled
