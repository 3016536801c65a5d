# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finding dates in English text by a regular expression, as the paper does (section 3.4)."""

from __future__ import annotations

import re

from realm_tf.text import offsets

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)

# As numbers these would be quantities, not years.
_UNITS = (
    "people|men|women|children|students|soldiers|troops|workers|residents|inhabitants|members"
    "|percent|per|%|km|kilometers|kilometres|m|meters|metres|mi|miles|ft|feet|foot|mm|cm|inches"
    "|acres|hectares|tons|tonnes|kg|lb|pounds|dollars|euros|yen|Hz|MHz|kHz|GHz|MB|GB|kB|bits|bytes"
    "|species|copies|seats|homes|houses|units|degrees|calories|hours|minutes|seconds|days|years"
)
_MONTH = rf"(?:{'|'.join(MONTHS)}|Jan\.|Feb\.|Mar\.|Apr\.|Aug\.|Sept?\.|Oct\.|Nov\.|Dec\.)"
# The other months are words, too.
_SURE_MONTH = rf"(?:{'|'.join(m for m in MONTHS if m not in ('March', 'May', 'August'))})"
_DAY = r"(?:[12][0-9]|3[01]|0?[1-9])(?:st|nd|rd|th)?"
_YEAR = r"(?:1[0-9]{3}|20[0-9]{2})"
_ERA = r"(?:BCE|CE|BC|AD|B\.C\.|A\.D\.)"
_ORDINAL = r"(?:[0-9]{1,2}(?:st|nd|rd|th))"
_DATE = re.compile(
    r"(?<![\w$€£¥.,/])(?<!(?<!\d\d\d)\d-)(?:"
    + "|".join(
        (
            rf"{_MONTH} {_DAY},? {_YEAR}",  # May 12, 2008
            rf"{_DAY} (?:of )?{_MONTH},? {_YEAR}",  # 12 May 2008
            rf"{_MONTH},? (?:of )?{_YEAR}",  # May 2008
            rf"{_MONTH} {_DAY}(?![\d,]*\d)",  # May 12
            rf"{_DAY} (?:of )?{_MONTH}",  # 12 May
            rf"{_YEAR}-[01][0-9]-[0-3][0-9]",  # 2008-05-12
            rf"{_ORDINAL} (?:century|centuries|millennium)(?: {_ERA})?",  # 19th century
            r"(?:1[0-9]{2}0|20[0-9]0)s",  # 1990s
            rf"[0-9]{{1,4}} {_ERA}",  # 44 BC
            r"(?:AD|A\.D\.) [0-9]{1,4}",  # AD 79
            rf"{_YEAR}(?![\d,.]*\d| ?(?:{_UNITS})\b)",  # 1990
            _SURE_MONTH,  # in October
            r"(?<=[Ii]n )(?:March|May|August)",
        )
    )
    + r")(?![\w%])"
)


def find(text: str) -> list[tuple[int, int]]:
    """Finds days, months, years, decades and centuries.

    Returns:
      (byte_start, byte_limit) of every date, in order, not overlapping.
    """
    return offsets.to_bytes(text, [m.span() for m in _DATE.finditer(text)])
