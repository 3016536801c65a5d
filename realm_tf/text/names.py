# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds names in English texts by rules: runs of capitalised words.

The paper takes named entities from a tagger trained on CoNLL-2003 (section 3.4). These rules need
no model and no labelled data, so that training can start on any corpus.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from realm_tf.text import offsets
from realm_tf.text import words as words_lib

_MAX_WORDS = 8  # longer runs are headings


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Words that a sentence or a title may capitalise though they name nothing.
_NOT_NAMES = _set(
    """
    a about above according across additionally after afterwards again all almost along already
    also although always among an and another any apart approximately are around as aside at
    because before behind below beneath beside besides between beyond both briefly but by can
    certain clearly compared consequently contrary could currently depending despite did do does
    due during each earlier either elsewhere especially even eventually every everyone everything
    except few finally following for former formerly from further furthermore generally given had
    half has have he hence her here hers herself him himself his historically how however if
    important in including increasingly indeed initially inside instead into is it its itself just
    last late later less like likewise many may me meanwhile might more moreover most mostly much
    my near nearly neither never nevertheless next no nobody none nonetheless nor normally not
    notable notably now numerous of off often on once one only onto or originally other others
    otherwise our out outside over overall particularly people perhaps possibly presumably
    previously prior probably rather recent recently regarding relatively roughly same see several
    shall she should shortly similar similarly simply since so some someone something sometimes
    soon specifically still subsequent subsequently such than that the their them themselves then
    there thereafter therefore these they this those though through throughout thus to today
    together too toward towards traditionally two typically ultimately under unfortunately unless
    unlike until up upon us used using usually various very was we were what whatever when
    whenever where whereas whether which while who whoever whom whose why will with within without
    would yet you your
    three four five six seven eight nine ten dozens hundreds thousands millions
    monday tuesday wednesday thursday friday saturday sunday bc bce ad ce am pm
    """
)
# Lower-case words inside names: "University of Chicago", "Ludwig van Beethoven".
_CONNECTORS = _set(
    "of de del della di da dos du des la las le los el al von van der den zu bin ibn"
)
# Before "of" at a sentence's start, these belong to the name; others do not ("Members of ...").
_HEADS = _set(
    """
    Academy Archbishop Bank Battle Bay Bishop Cathedral Church City College Council County
    Declaration Department Duchy Duke Earl Emperor Empire Federation Gulf House Institute Isle
    Kingdom King Lake League Library Lord Mayor Ministry Mount Museum Order Palace Pope
    President Prince Princess Province Queen Republic Siege State Strait Treaty University
    """
)
# Capitalised after a name word, these belong to the name: "World War I", "BBC One".
_NUMBERS = _set("I One Two Three Four Five Six Seven Eight Nine Ten")
_ABBREVIATIONS = "Dr|Mr|Mrs|Ms|St|Jr|Sr|Gen|Col|Capt|Lt|Sgt|Rev|Mt|Ft|Sen|Gov|Prof|Inc|Ltd|Co"
_LETTER = rf"[^\W\d_][{words_lib.MARKS}]*"
_WORD = re.compile(
    rf"{words_lib.NOT_AFTER}(?:(?:{_LETTER}\.){{2,}}|(?:{_ABBREVIATIONS})\."
    rf"|{_LETTER}\.(?=\s?[^\W\d_])"
    rf"|(?:{_LETTER})+(?:['\u2019-](?:{_LETTER})+)*){words_lib.NOT_BEFORE}"
)
_POSSESSIVE = re.compile(r"['\u2019][sS]$")
# "al-Assad", "d'Arc": small letters before a capital one.
_PREFIXED = re.compile(r"(?:a[dlnrst]|el)-(?=\w)|[dl]['\u2019](?=\w)")
_ROMAN = re.compile(r"[IVX]+")
_OPENING = frozenset("\"'\u201c\u2018«:•\n")


class _Word(NamedTuple):
    """A word of a sentence; its places are counted in characters of the text."""

    text: str
    start: int
    limit: int
    is_capital: bool
    is_first: bool  # of its sentence, of a quotation, or after a colon
    gap: str  # what is between it and the word before


def find(text: str, sentences: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Finds the names of a text: runs of capitalised words.

    A sentence's first word says nothing by its capital letter: alone, it is a name only if it is
    capitalised inside a sentence elsewhere in the text.

    Args:
      text: Any text.
      sentences: (byte_start, byte_limit) of every sentence of the text.

    Returns:
      (byte_start, byte_limit) of every name, in order, each inside one sentence.
    """
    by_sentence = [list(_words(text, *s)) for s in offsets.to_chars(text, list(sentences))]
    words = [word for sentence in by_sentence for word in sentence]
    known = {word.text for word in words if word.is_capital and not word.is_first}
    common = {word.text for word in words if not word.is_capital}
    spans = []
    for sentence in by_sentence:
        for run in _runs(sentence):
            name = _without_false_start(run, known, common)
            if _is_name(name):
                spans.append((name[0].start, name[-1].limit))
    return offsets.to_bytes(text, spans)


def _words(text: str, start: int, limit: int) -> Iterator[_Word]:
    end = start
    for match in _WORD.finditer(text, start, limit):
        word, gap = match.group(), text[end : match.start()]
        is_first = end == start or not _OPENING.isdisjoint(gap)
        kept = _capital_part(_POSSESSIVE.sub("", word))
        is_capital = kept != ""
        kept = kept or word
        # What is cut off a word ("'s", "-based") is left in the next gap, and so ends the run.
        end = match.start() + len(kept)
        yield _Word(kept, match.start(), end, is_capital, is_first, gap)


def _capital_part(word: str) -> str:
    """The capitalised front of a word: "Paris" of "Paris-based", "" of "based"."""
    prefix = _PREFIXED.match(word)
    front = prefix.end() if prefix else 0
    if not word[front].isupper():
        return ""
    parts = word[front:].split("-")
    kept = len(parts)
    while not parts[kept - 1][0].isupper():
        kept -= 1
    return word[:front] + "-".join(parts[:kept])


def _runs(words: Sequence[_Word]) -> Iterator[list[_Word]]:
    """Runs of name words with the connectors between them."""
    run: list[_Word] = []
    between: list[_Word] = []
    for word in words:
        joined = bool(run) and word.gap in (" ", "\u00a0", " & ")
        if joined and _can_be_inside(word, between):
            between.append(word)
        elif _can_be_name(word) or (joined and word.text in _NUMBERS):
            if joined:
                run = [*run, *between, word]
            else:
                yield run
                run = [word]
            between = []
        else:
            yield run
            run, between = [], []
    yield run


def _can_be_name(word: _Word) -> bool:
    return word.is_capital and word.text.lower() not in _NOT_NAMES


def _can_be_inside(word: _Word, between: Sequence[_Word]) -> bool:
    if len(between) == 2 or word.text in _NUMBERS:
        return False
    if word.is_capital:
        return word.text.lower() in _NOT_NAMES  # "Gone With The Wind"
    follows_of = len(between) == 1 and between[0].text == "of"
    return word.text in _CONNECTORS or (word.text == "the" and follows_of)


def _without_false_start(
    run: Sequence[_Word], known: set[str], common: set[str]
) -> Sequence[_Word]:
    """Drops a first word that may be capitalised only because it begins the sentence."""
    if not run or not run[0].is_first or run[0].text in known:
        return run
    before_of = len(run) > 1 and not run[1].is_capital
    is_doubtful = run[0].text.lower() in common or (before_of and run[0].text not in _HEADS)
    if len(run) > 1 and not is_doubtful:
        return run
    rest = iter(enumerate(run))
    next(rest)
    return next((run[i:] for i, word in rest if _can_be_name(word)), [])


def _is_name(run: Sequence[_Word]) -> bool:
    if not run or len(run) > _MAX_WORDS:
        return False
    letters = run[0].text.rstrip(".")
    is_title = letters in _ABBREVIATIONS.split("|")
    return len(run) > 1 or not (len(letters) == 1 or is_title or _ROMAN.fullmatch(letters))
