# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""BERT's tokenizer, written from its description, to compare ours with: plain Python, no offsets.

Description: Devlin et al. (2019), section 3 and appendix A, with the tokenization section of
google-research/bert's README and the comments of its `tokenization.py`, which fix the details.
"""

import unicodedata
from collections.abc import Iterator, Sequence

MAX_CHARACTERS = 200  # of a word; a longer one is unknown

_CJK = (
    *((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F)),
    *((0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)),
)
_WHITE = " \t\n\r"


def _stands_alone(c: str) -> bool:
    """Punctuation, any ASCII symbol included, and CJK ideographs are words of their own."""
    if c.isascii():
        return c.isprintable() and not c.isalnum() and c != " "
    is_cjk = any(first <= ord(c) <= last for first, last in _CJK)
    return is_cjk or unicodedata.category(c).startswith("P")


def _clean(text: str) -> Iterator[str]:
    for c in text:
        if c in _WHITE or unicodedata.category(c) == "Zs":
            yield " "
        elif c not in "\0\ufffd" and unicodedata.category(c) not in ("Cc", "Cf"):
            yield f" {c} " if any(first <= ord(c) <= last for first, last in _CJK) else c


def words(text: str, *, lower_case: bool) -> list[str]:
    """The words of a text, before wordpieces."""
    found = []
    for word in "".join(_clean(text)).split():
        if lower_case:
            decomposed = unicodedata.normalize("NFD", word.lower())
            word = "".join(c for c in decomposed if unicodedata.category(c) != "Mn")
        apart = "".join(f" {c} " if _stands_alone(c) else c for c in word)
        found.extend(apart.split())
    return found


def wordpieces(word: str, vocab: frozenset[str]) -> list[str]:
    """The longest wordpieces, from left to right; [UNK] for a word that they do not make up."""
    if len(word) > MAX_CHARACTERS:
        return ["[UNK]"]
    pieces: list[str] = []
    start = 0
    while start < len(word):
        prefix = "##" if start else ""
        limits = range(len(word), start, -1)
        limit = next((i for i in limits if prefix + word[start:i] in vocab), None)
        if limit is None:
            return ["[UNK]"]
        pieces.append(prefix + word[start:limit])
        start = limit
    return pieces


def encode(text: str, vocab: Sequence[str], *, lower_case: bool) -> list[int]:
    """The ids of a text, without special tokens."""
    ids = {piece: i for i, piece in enumerate(vocab)}
    known = frozenset(vocab)
    found = words(text, lower_case=lower_case)
    return [ids[piece] for word in found for piece in wordpieces(word, known)]
