# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Salient spans by rules: the names and dates that pre-training masks (paper section 3.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from realm_tf.text import dates, names

# Raise when the rules would mark other spans in the same text.
RULES_VERSION = 1

NAME = "NAME"
DATE = "DATE"


class SalientSpan(NamedTuple):
    """A span of a text, in UTF-8 bytes, and its label."""

    byte_start: int
    byte_limit: int
    label: str


def tag(text: str, sentences: Sequence[tuple[int, int]]) -> list[SalientSpan]:
    """Finds names and dates.

    Args:
      text: Any text; the rules are for English.
      sentences: (byte_start, byte_limit) of its sentences.

    Returns:
      Spans in order, not overlapping, each inside one sentence, without outer white space.
    """
    date_spans = [s for s in dates.find(text) if _is_inside_one(s, sentences)]
    # Digits in their place hide dates from the name rules ("December", "May"). Dates are ASCII.
    masked = bytearray(text.encode("utf-8"))
    for start, limit in date_spans:
        masked[start:limit] = b"0" * (limit - start)
    name_spans = names.find(masked.decode("utf-8"), sentences)
    return sorted(
        [SalientSpan(*span, DATE) for span in date_spans]
        + [SalientSpan(*span, NAME) for span in name_spans]
    )


def _is_inside_one(span: tuple[int, int], sentences: Sequence[tuple[int, int]]) -> bool:
    return any(start <= span[0] and span[1] <= limit for start, limit in sentences)
