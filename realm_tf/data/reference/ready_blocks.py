# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Makes blocks from texts that the original code has cut: one record is one block, not repacked.

What does not fit is cut as the original cuts it when it embeds a block: the body's last wordpieces
go, the title stays. The text stays whole, so that the row is still the same text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from realm_tf import artifacts, types
from realm_tf.data.blocks import keys
from realm_tf.data.reference import formats as reference_formats
from realm_tf.text import packing, sentences
from realm_tf.text import tokenizer as tokenizer_lib

ROW_KEY = "orqa_row"


class ReadyBlock(NamedTuple):
    """A block made from one record of the original code, with what had to be changed.

    Attributes:
      block: The block; None if the text has no wordpieces.
      is_cut: Whether wordpieces were cut off because the block was too long.
      has_other_ids: Whether the record brings wordpieces that differ from ours.
    """

    block: types.Block | None
    is_cut: bool
    has_other_ids: bool


def doc_id(title: str, text: str) -> str:
    """A stable document id for a ready block: its title and a hash of its texts.

    The hash is the front of the original's uid of a document (realm/featurization.py), so that a
    passage of its pre-training corpus is known as the same text as a block of its retrieval corpus.
    """
    uid = hashlib.sha1(f"{title} <sep> {text}".encode(), usedforsecurity=False)
    return f"{title}#{uid.hexdigest()[:16]}"


class ReadyBlocks:
    """Makes a block from every record of the original code.

    Args:
      tokenizer: Tokenizer that makes the wordpieces.
      length: Number of wordpieces of a packed block, with title and special tokens.
      language: ISO 639 code of the language, to split sentences where a record does not give them.

    Raises:
      UserError: If `length` is too small to hold anything.
    """

    def __init__(self, tokenizer: tokenizer_lib.Tokenizer, *, length: int, language: str = "en"):
        if length < 16:
            raise types.UserError(f"A block needs a length of at least 16. Received: {length}.")
        self._tokenizer = tokenizer
        self._room = length - packing.PAIR_SPECIALS
        self._language = language

    def make(
        self, records: Sequence[reference_formats.ReferenceBlock], occurrences: Sequence[int]
    ) -> list[ReadyBlock]:
        """Makes one block from each record, in order.

        Args:
          records: Records of one corpus.
          occurrences: For every record, how many records before it have the same title and text.
        """
        titles = self._tokenizer.encode([record.title for record in records])
        bodies = self._tokenizer.encode([record.text for record in records])
        return [
            self._make(*item) for item in zip(records, occurrences, titles, bodies, strict=True)
        ]

    def _make(
        self,
        record: reference_formats.ReferenceBlock,
        occurrence: int,
        title: tokenizer_lib.TokenizedText,
        body: tokenizer_lib.TokenizedText,
    ) -> ReadyBlock:
        has_other_ids = record.ids_key not in ("", reference_formats.ids_key(title.ids, body.ids))
        if not body.ids.size:
            return ReadyBlock(None, False, has_other_ids)
        title_ids = title.ids[: self._room - 1]  # at least one wordpiece of the body stays
        kept = slice(0, self._room - title_ids.size)
        spans = record.sentences
        if spans is None:
            spans = sentences.split(record.text, self._language)
        limit = int(body.byte_limit[kept][-1])
        whole = np.array([s for s in spans if s[0] < limit], np.int32).reshape(-1, 2)
        name = doc_id(record.title, record.text)
        block = types.Block(
            block_id=keys.block_id(name, record.title, record.text, occurrence),
            doc_id=name,
            title=record.title,
            text=record.text,
            metadata=artifacts.canonical_json({ROW_KEY: record.row}),
            doc_byte_start=0,
            title_ids=title_ids,
            token_ids=body.ids[kept],
            token_byte_start=body.byte_start[kept],
            token_byte_limit=body.byte_limit[kept],
            sentence_byte_start=whole[:, 0],
            sentence_byte_limit=whole[:, 1],
        )
        is_cut = title_ids.size + body.ids[kept].size < title.ids.size + body.ids.size
        return ReadyBlock(block, is_cut, has_other_ids)
