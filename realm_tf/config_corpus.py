# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How a corpus is read: the configuration's section `corpus`; `config` holds the rest."""

from __future__ import annotations

import dataclasses

from realm_tf import config_parsing


@dataclasses.dataclass(frozen=True)
class CorpusConfig:
    """Which fields hold what, which records are left out, and what becomes of a text.

    `docs/data-formats.md` says what each does, and why the defaults are what they are.
    """

    id_field: str | None = None  # None: "id", or "doc_id"
    title_field: str = "title"
    text_field: str = "text"
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
            config_parsing.check(
                value >= 1, f"corpus.{name} must be at least 1. Received: {value}."
            )
        config_parsing.check(
            self.min_words is None or self.min_words >= 0,
            f"corpus.min_words must be at least 0. Received: {self.min_words}.",
        )
        config_parsing.check(
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
