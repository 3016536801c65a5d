# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of the corpus: how it is read, its vocabulary, and how it is cut into blocks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from realm_tf.config import languages, ranges

_MAX_RECORD_MB = 1024  # an Arrow column counts the bytes of its texts in 31 bits


@dataclasses.dataclass(frozen=True)
class CorpusConfig(ranges.Section):
    """How documents are read: the fields of a record, the rules that drop records, and cleaning.

    [data-formats.md](data-formats.md#corpus) says why the defaults are what they are.
    """

    id_field: str | None = ranges.setting(
        None, "Field that holds the id; null: `id`, `doc_id` or `_id`."
    )
    title_field: str = ranges.setting("title", "Field that holds the title.")
    text_field: str = ranges.setting(
        "text", "Field that holds the text. All other fields are metadata."
    )
    metadata_fields: Mapping[str, str] = ranges.setting(
        {},
        "Fields of the metadata that searches may be restricted by, with the types of their values,"
        " such as `{year: number, lang: string, updated: date}`"
        " ([data-formats.md](data-formats.md#metadata)).",
        choices=("string", "number", "date"),
    )
    quotes: bool | None = ranges.setting(
        None,
        "Whether quotes in CSV and TSV files quote fields; null: they do, but quotes that seem to"
        " be text are refused ([data-formats.md](data-formats.md#quotes-in-tables)).",
    )
    max_record_mb: int = ranges.setting(
        16,
        "A record that is longer is not read, and counts as bad.",
        at_least=1,
        at_most=_MAX_RECORD_MB,
    )
    split_mb: int = ranges.setting(
        64,
        "Size of the parts into which dumps are divided for parallel work; it does not change the"
        " result.",
        at_least=1,
    )

    min_words: int | None = ranges.setting(
        None,
        "Documents with fewer words are left out; null: 20 in Wikipedia's formats, 0 in others.",
        at_least=0,
    )
    namespaces: tuple[int, ...] = ranges.setting(
        (0,), "Namespaces of a dump whose pages are read.", at_least=0
    )
    drop_disambiguation: bool = ranges.setting(
        True, "Whether disambiguation pages of a Wikipedia are left out."
    )
    drop_lists: bool = ranges.setting(True, "Whether lists of a Wikipedia are left out.")
    keep_headings: bool = ranges.setting(
        True, "Whether the headings of a dump's pages stay, as lines."
    )

    unicode_form: str = ranges.setting(
        "NFC", "Unicode form of the texts.", choices=("NFC", "NFKC", "none")
    )
    unescape_html: bool = ranges.setting(
        False,
        "Whether `&amp;` and the like become characters, in formats of which they are no part.",
    )
    drop_empty_brackets: bool = ranges.setting(
        True,
        "Whether the empty brackets are removed that dropped templates leave in the prose of"
        " Wikipedia.",
    )

    def faults(self) -> Iterator[str]:
        """See `Section`."""
        taken = (self.id_field or "id", self.title_field, self.text_field)
        for name in self.metadata_fields:
            if name in taken:
                yield (
                    f"metadata_fields must name fields of the metadata. Received: {name!r}, which"
                    " holds the id, the title or the text."
                )
            if name != name.strip() or any(sign in name for sign in '<>=;"'):
                yield (
                    "metadata_fields must name fields that can stand in a filter: without <, >, =,"
                    " semicolons and double quotes, and without blanks at their ends. Received:"
                    f" {ranges.shown(name)}."
                )

    def decisive(self) -> dict[str, Any]:
        """The settings that decide what documents are read."""
        values = {**dataclasses.asdict(self), "split_mb": None}
        if not self.metadata_fields:
            del values["metadata_fields"]
        return values

    @property
    def max_record_bytes(self) -> int:
        """The longest record that is read."""
        return self.max_record_mb << 20

    @property
    def split_bytes(self) -> int:
        """About the size of the parts that a dump is divided into."""
        return self.split_mb << 20


@dataclasses.dataclass(frozen=True)
class VocabConfig(ranges.Section):
    """The WordPiece vocabulary: a given file, or one learned from the corpus."""

    file: str | None = ranges.setting(
        None,
        "File with a WordPiece vocabulary, one wordpiece per line; null: a vocabulary is learned"
        " from the corpus.",
        path="file",
    )
    size: int = ranges.setting(
        30522,
        "Largest number of wordpieces to learn, including special tokens; not used with a file.",
        at_least=100,
    )
    lower_case: bool = ranges.setting(
        True, 'Whether texts are lower-cased and accents removed (BERT "uncased").'
    )


@dataclasses.dataclass(frozen=True)
class BlocksConfig(ranges.Section):
    """How documents become blocks (paper section 4; ORQA packs greedily to 288 wordpieces)."""

    length: int = ranges.setting(288, "Length of a packed block, including the title.", at_least=16)
    template: str = ranges.setting(
        "title_body",
        "What the embedder reads of a block: `title_body` is `[CLS] title [SEP] body [SEP]`, `body`"
        " is `[CLS] body [SEP]`, for embedders that were trained on plain texts.",
        choices=("title_body", "body"),
    )
    language: str = ranges.setting(
        "en",
        "Code of the language, which decides where sentences end: one of ISO 639-1, such as `de`,"
        " or a longer one that the sentence splitter tells apart, such as `zh-hant`. English rules"
        " split what it has no rules for.",
    )
    num_shards: int = ranges.setting(
        0,
        "Number of files of a segment, and of units of work of the Beam jobs; 0 follows the size of"
        " the corpus.",
        at_least=0,
        at_most=99_999,
    )
    overlap_sentences: int = ranges.setting(
        0,
        "Number of sentences that a block repeats from the end of the block before it, as far as"
        " there is room.",
        at_least=0,
    )

    def faults(self) -> Iterator[str]:
        """See `Section`."""
        if self.language not in languages.CODES:
            yield (
                "language must be a code of ISO 639-1 in small letters, such as en or de, or a"
                " longer one that the sentence splitter knows, such as zh-hant. Received:"
                f" {ranges.shown(self.language)}."
            )
