# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds salient spans by rules: the names and dates that pre-training masks (section 3.4)."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import NamedTuple

from realm_tf.text import dates, names

# Raise when the same rules for dates, or those for names, would mark other spans in the same text.
RULES_VERSION = 3

NAME = "NAME"
DATE = "DATE"
ENGLISH = "en"


class SalientSpan(NamedTuple):
    """A salient span, found by rules or a tagger: its UTF-8 bytes and its label, e.g. "DATE"."""

    byte_start: int
    byte_limit: int
    label: str


def tag(
    text: str, sentences: Sequence[tuple[int, int]], date_rules: str = ENGLISH
) -> list[SalientSpan]:
    """Finds the names and dates of a text by rules.

    Args:
      text: Any text; the rules for names are for English.
      sentences: (byte_start, byte_limit) of every sentence of the text.
      date_rules: Rules that find the dates, loaded by `dates.load`.

    Returns:
      Spans in order, not overlapping, each inside one sentence, without outer white space.
    """
    date_spans = find_dates(text, sentences, date_rules)
    # Digits in their place hide dates from the name rules ("December", "May").
    masked = bytearray(text.encode("utf-8"))
    for start, limit, _ in date_spans:
        masked[start:limit] = b"0" * (limit - start)
    name_spans = names.find(masked.decode("utf-8"), sentences)
    return sorted([*date_spans, *(SalientSpan(*span, NAME) for span in name_spans)])


def find_dates(
    text: str, sentences: Sequence[tuple[int, int]], date_rules: str = ENGLISH
) -> list[SalientSpan]:
    """Finds the salient spans that are dates, by rules; each is inside one sentence of the text."""
    spans = dates.load(date_rules).find(text)
    return [SalientSpan(*span, DATE) for span in spans if _is_inside_one(span, sentences)]


def merge(names: Sequence[SalientSpan], dates: Sequence[SalientSpan]) -> list[SalientSpan]:
    """Merges names and dates of one text into spans that do not overlap.

    Of spans that overlap the longest stays, "the 1948 Arab-Israeli War" before "1948"; of equally
    long ones the date, then the first.

    Args:
      names: Spans of names, which do not overlap one another.
      dates: Spans of dates, which do not overlap one another.

    Returns:
      The spans that stay, in order.
    """
    ranked = [(span.byte_start - span.byte_limit, 0, span) for span in dates]
    ranked += [(span.byte_start - span.byte_limit, 1, span) for span in names]
    kept: list[SalientSpan] = []
    for _, _, span in sorted(ranked):
        at = bisect.bisect(kept, span)
        overlaps = (at > 0 and kept[at - 1].byte_limit > span.byte_start) or (
            at < len(kept) and kept[at].byte_start < span.byte_limit
        )
        if not overlaps:
            kept.insert(at, span)
    return kept


def _is_inside_one(span: tuple[int, int], sentences: Sequence[tuple[int, int]]) -> bool:
    return any(start <= span[0] and span[1] <= limit for start, limit in sentences)
