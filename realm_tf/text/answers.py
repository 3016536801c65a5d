# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Normalises and compares answers as open-domain QA does, and finds them in texts.

`normalize`, exact match and F1 are SQuAD's (Rajpurkar et al., 2016) after Unicode NFD, as in ORQA
(Lee et al., 2019); the regular expressions of CuratedTREC are matched as in DrQA (Chen et al.,
2017).
"""

from __future__ import annotations

import collections
import re
import string
import unicodedata
from collections.abc import Sequence

from realm_tf import types
from realm_tf.text import offsets

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
# Combining marks (accents, after NFD) belong to their word.
_WORD = re.compile(r"[\w\u0300-\u036f]+")


def normalize(text: str) -> str:
    """Normalises an answer: NFD, lower case, no ASCII punctuation or articles, single spaces."""
    text = unicodedata.normalize("NFD", text).lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", text).split())


def exact_match(prediction: str, answers: Sequence[str]) -> bool:
    """Whether `prediction` equals one of `answers` when both are normalised."""
    return normalize(prediction) in {normalize(answer) for answer in answers}


def f1(prediction: str, answers: Sequence[str]) -> float:
    """The best F1, over `answers`, of the words that prediction and answer share; 0 to 1."""
    words = normalize(prediction).split()
    return max((_f1(words, normalize(answer).split()) for answer in answers), default=0.0)


def regex_match(prediction: str, patterns: Sequence[str]) -> bool:
    """Whether a pattern matches at the start of `prediction`, ignoring case.

    Raises:
      UserError: If a pattern is not a regular expression.
    """
    return any(_compile(pattern).match(prediction) for pattern in patterns)


def contains(text: str, answers: Sequence[str]) -> bool:
    """Whether `text` holds any of `answers` as a run of whole words.

    Both are compared in NFD and lower case, without punctuation and articles. An answer without
    words is in no text.
    """
    haystack = _words(text)
    return any(needle != "  " and needle in haystack for needle in map(_words, answers))


def find(text: str, answers: Sequence[str]) -> list[tuple[int, int]]:
    """Finds answers in a text, as whole words, whatever their case and white space.

    Returns:
      (byte_start, byte_limit) of every occurrence, sorted.
    """
    spans = set()
    for answer in answers:
        if answer.split():
            words = r"\s+".join(re.escape(word) for word in answer.split())
            pattern = rf"(?<!\w){words}(?!\w)"
            spans |= {m.span() for m in re.finditer(pattern, text, re.IGNORECASE)}
    return offsets.to_bytes(text, sorted(spans))


def _f1(left: list[str], right: list[str]) -> float:
    if not left or not right:
        return float(left == right)
    shared = sum((collections.Counter(left) & collections.Counter(right)).values())
    return 2 * shared / (len(left) + len(right))


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    except re.error as error:
        raise types.UserError(
            f"An answer is not a regular expression: {error}. Received: {pattern!r}."
        ) from error


def _words(text: str) -> str:
    words = _WORD.findall(unicodedata.normalize("NFD", text).lower())
    return f" {' '.join(word for word in words if word not in ('a', 'an', 'the'))} "
