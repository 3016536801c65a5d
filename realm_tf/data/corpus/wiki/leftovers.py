# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Removes what dropped Wikipedia templates leave in prose: empty brackets, blanks before commas."""

from __future__ import annotations

import re

# " ( ; ; )", " (, )", " ()"; but not "main()".
_EMPTY = re.compile(r"(?:^| )(?:\([ ,;:·/\u2013-]*\)|\[[ ,;:]*\])", re.MULTILINE)
_OPENED = re.compile(r"\([ ,;:]+(?=[^\s,;:)])")  # "(; born 1950)"
_CLOSED = re.compile(r"(?<![ ,;:])[ ,;:]+\)")  # "(born 1950; )"
_BLANKS = re.compile(" {2,}")
_BEFORE = re.compile(r" +(?=[,;.](?:\s|\Z))")


def tidy(text: str) -> str:
    """The text without the empty brackets and blanks that dropped templates left.

    "Tokyo ( ; officially) is" becomes "Tokyo (officially) is", and "Kyiv () is" "Kyiv is".
    """
    text = _BLANKS.sub(" ", text)
    if "(" in text or "[" in text:
        text = _EMPTY.sub("", text)
        text = _BLANKS.sub(" ", _CLOSED.sub(")", _OPENED.sub("(", text)))
    return _BEFORE.sub("", text)
