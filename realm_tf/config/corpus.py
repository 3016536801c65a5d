# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of the corpus: how it is read, its vocabulary, and how it is cut into blocks."""

from __future__ import annotations

import dataclasses

from realm_tf.config import parsing


@dataclasses.dataclass(frozen=True)
class CorpusConfig:
    """Configuration of reading: the fields of a record, the rules that drop records, and cleaning.

    `docs/data-formats.md` says what each does, and why the defaults are what they are.
    """

    id_field: str | None = None  # None: "id", or "doc_id"
    title_field: str = "title"
    text_field: str = "text"
    quotes: bool | None = None  # in tables; None: they quote cells, but stray ones are refused
    max_record_mb: int = 16  # a longer record is not read, and named
    split_mb: int = 64  # a dump is divided into parts of about this size, for parallel work

    min_words: int | None = None  # None: 20 in Wikipedia's formats, 0 in the others
    namespaces: tuple[int, ...] = (0,)  # of a dump's pages
    drop_disambiguation: bool = True
    drop_lists: bool = True
    keep_headings: bool = True

    unicode_form: str = "NFC"  # or NFKC, none
    unescape_html: bool = False  # in formats that do not carry entities by nature
    drop_empty_brackets: bool = True  # in Wikipedia's formats, what dropped templates leave

    def __post_init__(self) -> None:
        for name in ("max_record_mb", "split_mb"):
            value = getattr(self, name)
            parsing.check(value >= 1, f"corpus.{name} must be at least 1. Received: {value}.")
        parsing.check(
            self.min_words is None or self.min_words >= 0,
            f"corpus.min_words must be at least 0. Received: {self.min_words}.",
        )
        parsing.check(
            self.unicode_form in ("NFC", "NFKC", "none"),
            f"corpus.unicode_form must be NFC, NFKC or none. Received: {self.unicode_form!r}.",
        )

    @property
    def max_record_bytes(self) -> int:
        """The longest record that is read."""
        return self.max_record_mb << 20

    @property
    def split_bytes(self) -> int:
        """About the size of the parts that a dump is divided into."""
        return self.split_mb << 20


@dataclasses.dataclass(frozen=True)
class VocabConfig:
    """Configuration of the WordPiece vocabulary: a given file, or one learned from the corpus."""

    file: str | None = None
    size: int = 30522
    lower_case: bool = True


@dataclasses.dataclass(frozen=True)
class BlocksConfig:
    """Configuration of how documents become blocks (paper section 4; ORQA packs greedily to 288).

    `template` is what the embedder reads of a block: "title_body", `[CLS] title [SEP] body [SEP]`,
    or "body", `[CLS] body [SEP]`, for embedders that were trained on plain texts. A block begins
    with up to `overlap_sentences` of the block before it, as far as they leave room.
    """

    length: int = 288
    template: str = "title_body"
    language: str = "en"
    num_shards: int = 8
    overlap_sentences: int = 0

    def __post_init__(self) -> None:
        parsing.check(
            self.length >= 16, f"blocks.length must be at least 16. Received: {self.length}."
        )
        parsing.check(
            self.num_shards >= 1,
            f"blocks.num_shards must be at least 1. Received: {self.num_shards}.",
        )
        parsing.check(
            self.overlap_sentences >= 0,
            f"blocks.overlap_sentences must be at least 0. Received: {self.overlap_sentences}.",
        )
        parsing.check(
            self.template in ("title_body", "body"),
            f"blocks.template must be title_body or body. Received: {self.template!r}.",
        )
