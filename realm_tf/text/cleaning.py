# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Cleans texts (Unicode form, line ends, control characters); all offsets are of clean text.

The rules change how a text is written, never what it says, and cleaning twice changes nothing.
`docs/data-formats.md` gives the reasons.
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Literal

# Any change to what this module does to a text must change this: blocks are made from the result.
CLEANING_VERSION = 1

Form = Literal["NFC", "NFKC", "none"]

_LINE_ENDS = "\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_SPACES = "\xa0\u1680\u2000-\u200a\u202f\u205f"  # U+3000 stays: in CJK text it is a character
_INVISIBLE = "\xad\u200b\u2060\ufeff\ufffe\uffff"  # soft hyphen, zero width space, BOM, ...
_CONTROL = "\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f"
_SURROGATES = "\ud800-\udfff"

# Most texts need nothing, and one set of characters is found much faster than alternatives.
_DIRTY = re.compile(f"[{_LINE_ENDS}{_SPACES}{_INVISIBLE}{_CONTROL}{_SURROGATES}]")
_DIRTY_LINES = (" \n", "\t\n", "\n\n\n")
_LINE_END = re.compile(rf"\r\n|[{_LINE_ENDS}]")
_SPACE = re.compile(f"[{_SPACES}]")
_REMOVED = re.compile(f"[{_INVISIBLE}{_CONTROL}]")
_SURROGATE = re.compile(f"[{_SURROGATES}]")
_LINE_TAIL = re.compile(r"(?<![ \t])[ \t]+$", re.MULTILINE)  # linear by its first part
_BLANK_LINES = re.compile(r"\n{3,}")
_BLANKS = re.compile(r"\s+")


def clean(text: str, *, form: Form = "NFC", unescape: bool = False) -> str:
    """Cleans a text: the result is the text as it is stored.

    Args:
      text: Any text.
      form: Form of Unicode normalisation, one of `Form`.
      unescape: Whether HTML entities such as "&amp;" become their characters, once.

    Returns:
      Lines that end with a line feed and have no white space behind them; no more than one blank
      line in a row; no control characters but tabs; no white space at either end.
    """
    if unescape and "&" in text:
        text = html.unescape(text)
    if _DIRTY.search(text) or any(lines in text for lines in _DIRTY_LINES):
        text = _LINE_END.sub("\n", text)
        text = _SPACE.sub(" ", text)
        text = _REMOVED.sub("", text)
        text = _SURROGATE.sub("\ufffd", text)
        text = _normal(text, form)  # only now do parts of one character stand side by side
        text = _LINE_TAIL.sub("", text)
        return _BLANK_LINES.sub("\n\n", text).strip()
    return _normal(text, form).strip()


def clean_line(text: str, *, form: Form = "NFC", unescape: bool = False) -> str:
    """Cleans a title: like `clean`, but the result is one line with single spaces."""
    return _BLANKS.sub(" ", clean(text, form=form, unescape=unescape))


def _normal(text: str, form: Form) -> str:
    if form == "none" or text.isascii() or unicodedata.is_normalized(form, text):
        return text
    return unicodedata.normalize(form, text)
