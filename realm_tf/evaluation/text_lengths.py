# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How long blocks, sentences, questions and answers are in wordpieces, and what lengths cut off."""

from __future__ import annotations

import collections
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.data.blocks import packer as packer_lib
from realm_tf.data.questions import questions as questions_lib
from realm_tf.text import answer_matching, offsets, packing, words
from realm_tf.text import tokenizer as tokenizer_lib

# What becomes of the answer of a question in a document that holds it.
READABLE = "readable"
TOO_WIDE = "too_wide"  # longer than model.reader.max_span_width
UNREAD = "unread"  # behind open_qa.reader_length
DIVIDED = "divided"  # in no block whole


class Lengths(NamedTuple):
    """Lengths in wordpieces, without special tokens.

    Attributes:
      wordpieces_per_word: Mean number of wordpieces of a word.
      unknown: Share of the wordpieces that are [UNK].
      blocks_per_document: Mean number of blocks of a document.
      blocks: Length of every block's body, <int64>[num_blocks].
      sentences: Length of every sentence, or part of one, in them, <int64>[num_sentences].
      questions: Length of every question, <int64>[num_questions].
      answers: Length of the shortest answer of every question with plain answers, <int64>[any].
      fates: Number of questions by what becomes of their answers.
    """

    wordpieces_per_word: float
    unknown: float
    blocks_per_document: float
    blocks: np.ndarray
    sentences: np.ndarray
    questions: np.ndarray
    answers: np.ndarray
    fates: Mapping[str, int]


def measure(
    documents: Sequence[types.Document],
    questions: Sequence[questions_lib.Question],
    evidence: Sequence[tuple[questions_lib.Question, types.Document]],
    tokenizer: tokenizer_lib.Tokenizer,
    config: config_lib.Config,
) -> Lengths:
    """Packs documents as the run will, and measures them.

    Args:
      documents: A sample of the corpus, not empty.
      questions: A sample of the questions.
      evidence: Questions, each with a document that holds its answer.
      tokenizer: Makes the wordpieces.
      config: Configuration of the run.
    """
    blocks = config.blocks
    packer = packer_lib.BlockPacker(
        tokenizer,
        length=blocks.length,
        language=blocks.language,
        template=blocks.template,
        overlap=blocks.overlap_sentences,
    )
    packed = [block for made in packer.pack(documents) for block in made.blocks]
    ids = np.concatenate([np.zeros(0, np.int32), *(block.token_ids for block in packed)])
    num_words = sum(words.count(block.text) for block in packed)
    plain = [question.answers for question in questions if not question.is_regex]
    return Lengths(
        wordpieces_per_word=len(ids) / max(1, num_words),
        unknown=float(np.mean(ids == tokenizer.unk_id)) if ids.size else 0.0,
        blocks_per_document=len(packed) / len(documents),
        blocks=np.array([block.token_ids.size for block in packed], np.int64),
        sentences=np.concatenate([np.zeros(0, np.int64), *map(_sentences, packed)]),
        questions=_lengths([question.question for question in questions], tokenizer),
        answers=np.array([_lengths(answers, tokenizer).min() for answers in plain], np.int64),
        fates=_fates(evidence, packer, tokenizer, config),
    )


def _lengths(texts: Sequence[str], tokenizer: tokenizer_lib.Tokenizer) -> np.ndarray:
    return np.array([text.ids.size for text in tokenizer.encode(texts)], np.int64)


def _sentences(block: types.Block) -> np.ndarray:
    """The length of every sentence of a block, <int64>[num_sentences]."""
    starts = np.searchsorted(block.token_byte_start, block.sentence_byte_start)
    return np.diff(starts, append=block.token_ids.size)


def _fates(
    evidence: Sequence[tuple[questions_lib.Question, types.Document]],
    packer: packer_lib.BlockPacker,
    tokenizer: tokenizer_lib.Tokenizer,
    config: config_lib.Config,
) -> dict[str, int]:
    asked = _lengths([question.question for question, _ in evidence], tokenizer)
    asked = np.minimum(asked, config.open_qa.query_length - packing.QUERY_SPECIALS)
    rooms = config.open_qa.reader_length - packing.PAIR_SPECIALS - asked
    packed = packer.pack([document for _, document in evidence])
    width = config.model.reader.max_span_width
    return collections.Counter(
        _fate(question, made.blocks, room, width)
        for (question, _), made, room in zip(evidence, packed, rooms.tolist(), strict=True)
    )


def _fate(
    question: questions_lib.Question, blocks: Sequence[types.Block], room: int, width: int
) -> str:
    """What becomes of an answer: the best over all places where it stands."""
    spans = [span for block in blocks for span in _spans(block, question)]
    if not spans:
        return DIVIDED
    narrow = [limit for start, limit in spans if limit - start <= width]
    if not narrow:
        return TOO_WIDE
    return READABLE if min(narrow) <= room else UNREAD


def _spans(block: types.Block, question: questions_lib.Question) -> list[tuple[int, int]]:
    """(first wordpiece, one past the last) of every answer in a block."""
    if question.is_regex:
        patterns = [re.compile(p, questions_lib.REGEX_FLAGS) for p in question.answers]
        chars = [m.span() for p in patterns for m in p.finditer(block.text) if m.group()]
        places = offsets.to_bytes(block.text, chars)
    else:
        places = answer_matching.find(block.text, question.answers)
    return [
        (
            int(np.searchsorted(block.token_byte_limit, start, side="right")),
            int(np.searchsorted(block.token_byte_start, limit, side="left")),
        )
        for start, limit in places
    ]
