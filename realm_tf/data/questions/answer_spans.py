# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Where the answers of a question stand in the wordpieces of blocks.

A plain answer (`words.is_plain`) is found as a run of its wordpieces between word borders: "war" is
not in "war ##saw". Answers in other scripts, of which wordpieces keep too little, and regular
expressions are searched for in the blocks' texts, and what is found is mapped to wordpieces.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from realm_tf import types
from realm_tf.data.blocks import table as block_table
from realm_tf.data.questions import questions
from realm_tf.text import answer_matching, offsets, words
from realm_tf.text import tokenizer as tokenizer_lib


class AnswerSpans(NamedTuple):
    """Answers found in a list of blocks: sorted, each but once, all <int64>[num_spans].

    Attributes:
      slot: Which block of the list.
      start: First wordpiece of the answer among the block's `token_ids`.
      limit: One past its last wordpiece.
    """

    slot: np.ndarray
    start: np.ndarray
    limit: np.ndarray


@functools.lru_cache(maxsize=2)
def continuations(tokenizer: tokenizer_lib.Tokenizer) -> np.ndarray:
    """Which wordpieces continue a word, so that no answer begins there, <bool>[vocab_size].

    `words` says what a word is.
    """
    return np.array(
        [p.startswith("##") and not words.begins_unspaced(p[2:]) for p in tokenizer.vocab]
    )


def answer_token_ids(
    tokenizer: tokenizer_lib.Tokenizer, answers: Sequence[Sequence[str]]
) -> list[list[np.ndarray]]:
    """The wordpieces <int32>[any] of every plain answer of every question, tokenized at once.

    An answer of which normalising leaves nothing, or of unknown wordpieces alone, is dropped: it
    would match anything.
    """
    answers = [
        [a for a in group if words.is_plain(a) and answer_matching.normalize(a)]
        for group in answers
    ]
    encoded = iter(tokenizer.encode([answer for group in answers for answer in group]))
    groups = [[next(encoded).ids for _ in group] for group in answers]
    return [[ids for ids in group if np.any(ids != tokenizer.unk_id)] for group in groups]


def find_answer_spans(
    bodies: types.Ragged, answers: Sequence[np.ndarray], *, is_continuation: np.ndarray
) -> AnswerSpans:
    """Finds all occurrences of one question's answers.

    Args:
      bodies: num_slots rows of wordpieces, <int>: the blocks to look in; a slot without a block is
        an empty row.
      answers: Wordpieces of every answer; see `answer_token_ids`.
      is_continuation: Which wordpieces continue a word; see `continuations`.
    """
    tokens, slot_limits = bodies.values, bodies.offsets[1:]
    found = [_occurrences(tokens, answer.tolist()) for answer in answers]
    starts = np.concatenate([*found, np.zeros(0, np.int64)])
    limits = starts + np.repeat([len(a) for a in answers], [len(f) for f in found]).astype(np.int64)
    slots = np.searchsorted(slot_limits, starts, side="right")
    ends_slot = limits == slot_limits[slots]
    whole = limits <= slot_limits[slots]
    whole &= ~is_continuation[tokens[starts]]
    whole &= ends_slot | ~is_continuation[tokens[np.minimum(limits, len(tokens) - 1)]]
    bases = bodies.offsets[slots]
    return _sorted_unique(slots[whole], (starts - bases)[whole], (limits - bases)[whole])


def find_text_spans(
    table: block_table.BlockTable, rows: np.ndarray, answers: Sequence[str]
) -> AnswerSpans:
    """Finds those answers that are not plain in the blocks' texts, widened to whole wordpieces.

    Args:
      table: Table of the blocks.
      rows: <int64>[num_slots] the blocks to look in; -1 is a slot without a block.
      answers: The answers of one question, plain ones among them.
    """
    others = [answer for answer in answers if not words.is_plain(answer)]
    return _in_texts(table, rows if others else rows[:0], lambda t: answer_matching.find(t, others))


def find_regex_spans(
    table: block_table.BlockTable, rows: np.ndarray, patterns: Sequence[str]
) -> AnswerSpans:
    """Finds all matches of regular expressions, widened to whole wordpieces.

    Args:
      table: Table of the blocks.
      rows: <int64>[num_slots] the blocks to look in; -1 is a slot without a block.
      patterns: Regular expressions; case is ignored.
    """
    compiled = [re.compile(pattern, questions.REGEX_FLAGS) for pattern in patterns]

    def find(text: str) -> list[tuple[int, int]]:
        return offsets.to_bytes(text, [m.span() for p in compiled for m in p.finditer(text)])

    return _in_texts(table, rows, find)


def merge(found: Iterable[AnswerSpans]) -> AnswerSpans:
    """The spans of answers that several searches found in the same list of blocks, sorted."""
    return _sorted_unique(*np.concatenate([np.stack(spans) for spans in found], axis=1))


def _in_texts(
    table: block_table.BlockTable,
    rows: np.ndarray,
    find: Callable[[str], list[tuple[int, int]]],
) -> AnswerSpans:
    """What `find` gives as bytes of the blocks' texts, as wordpieces."""
    found = []
    for slot, row in enumerate(rows.tolist()):
        for start, limit in find(table.text(row)) if row >= 0 else ():
            first = np.searchsorted(table.token_byte_limit(row), start, side="right")
            last = np.searchsorted(table.token_byte_start(row), limit, side="left")
            if start < limit and first < last:
                found.append((slot, first, last))
    return _sorted_unique(*np.array(found, np.int64).reshape(-1, 3).T)


def _occurrences(tokens: np.ndarray, answer: Sequence[int]) -> np.ndarray:
    """Where the run `answer` begins in `tokens`, <int64>[any]."""
    last = max(0, len(tokens) - len(answer) + 1)
    starts = np.flatnonzero(tokens[:last] == answer[0])
    for place, token in enumerate(answer[1:], start=1):
        starts = starts[tokens[starts + place] == token]
    return starts


def _sorted_unique(slots: np.ndarray, starts: np.ndarray, limits: np.ndarray) -> AnswerSpans:
    spans = np.stack([slots, starts, limits])
    spans = spans[:, np.lexsort(spans[::-1])]
    is_new = np.any(np.diff(spans, axis=1, prepend=-1) != 0, axis=0)
    return AnswerSpans(*spans[:, is_new])
