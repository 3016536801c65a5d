# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a word is, in any script: the one place that says it, for counts, metrics and borders.

Most scripts put white space between words. Chinese, Japanese, Thai, Lao, Khmer, Burmese and some
others do not, and only a dictionary could divide them: there every character is a word, as the
metrics of multilingual question answering have it (MLQA; Lewis et al., 2020). A combining mark (an
accent after NFD, a vowel sign, a vowel point) belongs to the character before it.

The constants are parts of regular expressions for `re`, and `for_re2` has the same for RE2.
"""

from __future__ import annotations

import functools
import itertools
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator


def _ranges(characters: Iterable[str]) -> str:
    """What stands for sorted characters between the brackets of a regular expression."""
    parts = []
    for _, run in itertools.groupby(
        enumerate(map(ord, characters)), lambda item: item[1] - item[0]
    ):
        points = [point for _, point in run]
        parts.append(f"{re.escape(chr(points[0]))}-{re.escape(chr(points[-1]))}")
    return "".join(parts)


def _of_category(category: str, start: int) -> Iterator[str]:
    # Above are ideographs, which are letters, and at U+E0000 marks that choose their variants.
    points = itertools.chain(range(start, 0x20000), range(0xE0100, 0xE01F0))
    return (chr(i) for i in points if unicodedata.category(chr(i))[0] == category)


# Letters of scripts without white space between words: Han, kana and bopomofo; Thai and Lao;
# Burmese; Khmer; Tai Le, New Tai Lue and Tai Tham. Their digits are as all others.
UNSPACED = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c\u3041-\u3096\u309d-\u309f"
    "\u30a1-\u30fa\u30fc-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff66-\uff9f\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
    "\u0e01-\u0e2f\u0e40-\u0e46\u0e81-\u0eaf\u0ebd-\u0ec6\u0edc-\u0edf"
    "\u1000-\u102a\u103f\u1050-\u1055\u105a-\u108f\ua9e0-\ua9ef\uaa60-\uaa7a"
    "\u1780-\u17b3\u17d7\u17dc\u1950-\u19ab\u1a20-\u1a54"
)
MARKS = _ranges(_of_category("M", 0x300))
# Punctuation that is never in Latin, Greek or Cyrillic text: "。", "।", "؟".
PUNCTUATION = _ranges(c for c in _of_category("P", 0x55A) if not "\u2000" <= c < "\u2e80")

# A character with what is written before, above, behind and below it: Thai and Lao vowels that are
# letters for Unicode, consonants that a sign stacks (Burmese, Khmer, Tai Tham).
_BEFORE, _STACKING = "\u0e40-\u0e44\u0ec0-\u0ec4", "\u1039\u17d2\u1a60"
_BEHIND = f"{MARKS}\u0e30\u0e32\u0e33\u0e45\u0eb0\u0eb2\u0eb3"
_CHARACTER = rf"[{_BEFORE}]?[{UNSPACED}](?:[{_BEHIND}]*[{_STACKING}][{UNSPACED}])*[{_BEHIND}]*"
_JOINERS = "\u200c\u200d"  # inside words of Persian and of Indian languages
_SPACED = rf"[^\W{UNSPACED}]+(?:[{MARKS}{_JOINERS}]+[^\W{UNSPACED}]*)*"

# Where no word goes on; a character of a script without white space goes on with nothing.
NOT_AFTER = rf"(?<![^\W{UNSPACED}])(?<![{MARKS}])"
NOT_BEFORE = rf"(?![^\W{UNSPACED}]|[{MARKS}])"

_WORD = re.compile(rf"{_SPACED}|{_CHARACTER}")
_PIECE = re.compile(rf"[^\s{UNSPACED}{PUNCTUATION}]+|{_CHARACTER}")
_ASCII_WORD = re.compile(r"\w+")  # the same where there is nothing else, and faster
_UNSPACED = re.compile(f"[{UNSPACED}]")
_PLAIN = re.compile("[\0-\u058f\u1d00-\u2bff]*")


def split(text: str) -> list[str]:
    """The words of a text with the signs that touch them: what white space divides.

    Without a script that has no white space this is `str.split`.
    """
    if text.isascii():
        return text.split()
    return _PIECE.findall(text)


def count(text: str, most: int = sys.maxsize) -> int:
    """The number of words that `split` gives, or `most` if there are more."""
    return sum(1 for _ in itertools.islice(_PIECE.finditer(text), most))


def find(text: str) -> Iterator[re.Match[str]]:
    """The words of a text, without signs: runs of letters, digits and marks."""
    return (_ASCII_WORD if text.isascii() else _WORD).finditer(text)


def begins_unspaced(text: str) -> bool:
    """Whether a text begins with a character of a script without white space between words."""
    return _UNSPACED.match(text) is not None


def is_plain(text: str) -> bool:
    """Whether all letters are Latin, Greek, Cyrillic or Armenian ones.

    Of these wordpieces keep the borders of words, and lose nothing but accents. An "uncased"
    vocabulary loses vowels of other scripts, and divides no words where no white space does.
    """
    return _PLAIN.fullmatch(text) is not None


@functools.cache
def for_re2() -> tuple[str, str]:
    """What `find` finds, for RE2: that knows other letters, by its own version of Unicode.

    Returns:
      The pattern of a word, which takes the longest from the left, as `find` does; and all letters,
      digits and marks, for between the brackets of a regular expression.
    """
    letters = [c for c in map(chr, range(sys.maxunicode + 1)) if c == "_" or c.isalnum()]
    spaced = _ranges(letter for letter in letters if not _UNSPACED.match(letter))
    word = rf"[{spaced}][{spaced}{MARKS}{_JOINERS}]*|{_CHARACTER}"
    return word, f"{_ranges(letters)}{MARKS}"
