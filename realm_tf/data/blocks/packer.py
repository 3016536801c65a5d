# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Documents to blocks: greedy packing of sentences (paper section 4.1; ORQA, Lee et al., 2019).

Consecutive sentences go into a block as long as `[CLS] title [SEP] body [SEP]` fits (or `[CLS]
body [SEP]`, by the template). Nothing is lost: a sentence longer than a whole block is cut between
words. Of blocks of one document with the same text, the first stays.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from realm_tf import types
from realm_tf.data.blocks import keys
from realm_tf.text import packing, sentences
from realm_tf.text import tokenizer as tokenizers

TITLE_SHARE = 4  # a title may take a quarter of a block


class _Piece(NamedTuple):
    """A sentence, or a part of one that is too long, as places in its document."""

    byte_start: int
    byte_limit: int
    token_start: int
    token_limit: int


class Packed(NamedTuple):
    """What a document becomes.

    Attributes:
      blocks: Blocks of the document, in order.
      num_repeated: How many more there were whose text one of them has already.
    """

    blocks: list[types.Block]
    num_repeated: int


class BlockPacker:
    """Packs documents into blocks.

    Args:
      tokenizer: Makes the wordpieces.
      length: Wordpieces of a packed block, title and special tokens included.
      language: For the sentence boundaries.
      template: What has to fit: "title_body" or "body".
      overlap: A block begins with up to so many sentences of the one before it; only as many as
        leave room for the next.

    Raises:
      UserError: If `length` is too small to hold anything, or the template is unknown.
    """

    def __init__(
        self,
        tokenizer: tokenizers.Tokenizer,
        *,
        length: int,
        language: str = "en",
        template: str = packing.TITLE_BODY,
        overlap: int = 0,
    ):
        packing.block_size(0, 0, template)  # checks
        if length < 16:
            raise types.UserError(f"A block needs a length of at least 16. Received: {length}.")
        self._tokenizer = tokenizer
        self._length = length
        self._language = language
        self._template = template
        self._overlap = overlap

    def pack(self, documents: Sequence[types.Document]) -> list[Packed]:
        """The blocks of every document.

        A document without wordpieces has no blocks. Titles longer than a quarter of a block are
        cut, in `title_ids` only.
        """
        titles = self._tokenizer.encode([document.title for document in documents])
        bodies = self._tokenizer.encode([document.text for document in documents])
        return [self._pack(*item) for item in zip(documents, titles, bodies, strict=True)]

    def _pack(
        self,
        document: types.Document,
        title: tokenizers.TokenizedText,
        body: tokenizers.TokenizedText,
    ) -> Packed:
        if not body.ids.size:
            return Packed([], 0)
        title_ids = title.ids[: self._length // TITLE_SHARE]
        room = self._length - packing.block_size(title_ids.size, 0, self._template)
        text = document.text.encode("utf-8")
        spans = sentences.split(document.text, self._language)
        pieces = _cut_long(_to_pieces(spans, body), text, body, room)
        made: dict[bytes, types.Block] = {}
        num_groups = 0
        for group in _group(pieces, room, self._overlap):
            num_groups += 1
            data = text[group[0].byte_start : group[-1].byte_limit]
            if data in made:
                continue
            block_text = data.decode("utf-8")
            made[data] = types.Block(
                block_id=keys.block_id(document.doc_id, document.title, block_text, 0),
                doc_id=document.doc_id,
                title=document.title,
                text=block_text,
                metadata=document.metadata,
                doc_byte_start=group[0].byte_start,
                title_ids=title_ids,
                **_columns(group, body, room),
            )
        return Packed(list(made.values()), num_groups - len(made))


def _columns(
    group: Sequence[_Piece], body: tokenizers.TokenizedText, room: int
) -> dict[str, np.ndarray]:
    """The wordpieces and sentences of a block, with places relative to its text."""
    start, limit = group[0].byte_start, group[-1].byte_limit
    # More than `room` only where a single character is more wordpieces than fit.
    first = group[0].token_start
    last = min(group[-1].token_limit, first + room)
    return {
        "token_ids": body.ids[first:last],
        "token_byte_start": body.byte_start[first:last] - np.int32(start),
        # A wordpiece's bytes include characters that the tokenizer ignores after it.
        "token_byte_limit": np.minimum(body.byte_limit[first:last], limit) - np.int32(start),
        "sentence_byte_start": np.array([p.byte_start - start for p in group], np.int32),
        "sentence_byte_limit": np.array([p.byte_limit - start for p in group], np.int32),
    }


def _to_pieces(
    spans: Sequence[tuple[int, int]], body: tokenizers.TokenizedText
) -> Iterator[_Piece]:
    """Sentences with their wordpieces; sentences that share a wordpiece become one."""
    starts = np.array([start for start, _ in spans])
    first_tokens = np.searchsorted(body.byte_start, starts)
    limits_before = np.concatenate([[0], body.byte_limit])[first_tokens]
    heads = [i for i in range(len(spans)) if i == 0 or limits_before[i] <= starts[i]]
    for head, end in itertools.pairwise([*heads, len(spans)]):
        token_start = 0 if head == 0 else int(first_tokens[head])
        token_limit = int(first_tokens[end]) if end < len(spans) else body.ids.size
        yield _Piece(spans[head][0], spans[end - 1][1], token_start, token_limit)


def _cut_long(
    pieces: Iterator[_Piece], text: bytes, body: tokenizers.TokenizedText, room: int
) -> Iterator[_Piece]:
    """Cuts pieces of more than `room` wordpieces."""
    # Border i is before wordpiece i. Between words there are bytes of no wordpiece.
    gaps = body.byte_start[1:] - body.byte_limit[:-1]
    word_borders = 1 + np.flatnonzero(gaps > 0)
    borders = 1 + np.flatnonzero(gaps >= 0)
    for piece in pieces:
        token, byte = piece.token_start, piece.byte_start
        while piece.token_limit - token > room:
            cut = _last_in(word_borders, token, token + room)
            cut = cut or _last_in(borders, token, token + room)
            cut = cut or _first_after(borders, token, piece.token_limit)
            if cut is None:
                break
            next_byte = int(body.byte_start[cut])
            yield _strip(text, byte, next_byte, token, cut)
            token, byte = cut, next_byte
        yield _Piece(byte, piece.byte_limit, token, piece.token_limit)


def _last_in(borders: np.ndarray, low: int, high: int) -> int | None:
    """The last border in (low, high]."""
    place = np.searchsorted(borders, high, side="right") - 1
    return int(borders[place]) if place >= 0 and borders[place] > low else None


def _first_after(borders: np.ndarray, low: int, limit: int) -> int | None:
    """The first border in (low, limit)."""
    place = np.searchsorted(borders, low, side="right")
    return int(borders[place]) if place < borders.size and borders[place] < limit else None


def _strip(text: bytes, start: int, limit: int, token_start: int, token_limit: int) -> _Piece:
    stripped = text[start:limit].decode("utf-8").rstrip()
    return _Piece(start, start + len(stripped.encode("utf-8")), token_start, token_limit)


def _group(pieces: Iterator[_Piece], room: int, overlap: int) -> Iterator[list[_Piece]]:
    """Consecutive pieces that fit into a block together."""
    group: list[_Piece] = []
    for piece in pieces:
        if group and piece.token_limit - group[0].token_start > room:
            yield group
            group = group[-overlap:] if overlap else []
            while group and piece.token_limit - group[0].token_start > room:
                del group[0]
        group.append(piece)
    if group:
        yield group
