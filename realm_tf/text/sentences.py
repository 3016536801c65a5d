# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Splits texts into sentences by rules for about 250 languages (sentencex)."""

from __future__ import annotations

import sentencex

from realm_tf.text import offsets


def split(text: str, language: str = "en") -> list[tuple[int, int]]:
    """Splits a text into sentences.

    Args:
      text: Any text.
      language: ISO 639 code; an unknown one gets rules that most languages share.

    Returns:
      (byte_start, byte_limit) of every sentence, in order, without outer white space. Every byte
      that is not white space between sentences is in exactly one.
    """
    spans = []
    for boundary in sentencex.get_sentence_boundaries(language, text):
        start, limit = boundary["start_index"], boundary["end_index"]
        sentence = text[start:limit]
        start += len(sentence) - len(sentence.lstrip())
        limit -= len(sentence) - len(sentence.rstrip())
        if start < limit:
            spans.append((start, limit))
    return offsets.to_bytes(text, spans)
