# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Random access to blocks by row: a view over the shards of one or more block segments.

A table maps the shards and copies and parses nothing, so it opens in milliseconds at any size, and
makes no Python object per row. Rows are numbered through the shards of the segments in order. They
are internal to this view; the ids of blocks are the only external key.
"""

from __future__ import annotations

import bisect
import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from realm_tf import artifacts, types
from realm_tf.data.blocks import chunk as chunk_lib
from realm_tf.data.blocks import schema


class BlockTable:
    """Random access to blocks by row, and to their spans where there are any; see the module.

    Use `open`.

    Attributes:
      path: Where its blocks are, for messages.
      blocks: Fingerprint of the block segments.
      source: Fingerprint of the spans, or `blocks` where there are none.
      tokenizer: Fingerprint of the tokenizer that made the wordpieces.
    """

    def __init__(
        self,
        chunks: Sequence[chunk_lib.Chunk],
        *,
        path: str,
        blocks: str,
        source: str,
        tokenizer: str,
    ):
        self.path = path
        self.blocks = blocks
        self.source = source
        self.tokenizer = tokenizer
        self._chunks = list(chunks)
        self._first_rows = [chunk.first_row for chunk in chunks]
        self._starts = np.array(self._first_rows, np.int64)
        self._num_rows = chunks[-1].first_row + len(chunks[-1]) if chunks else 0

    @classmethod
    def open(
        cls,
        blocks: artifacts.Segment | Sequence[artifacts.Segment],
        spans: artifacts.Segment | Sequence[artifacts.Segment] = (),
        *,
        without: np.ndarray | None = None,
    ) -> BlockTable:
        """Opens the table of segments.

        Args:
          blocks: Segments "blocks", in the order of their rows; all of one tokenizer.
          spans: Segments "spans" that mark them, one each; none for a table without spans.
          without: <int64>[n] ascending, rows that the table is to leave out, counted through all
            segments; its own rows are counted without them.

        Raises:
          UserError: If a segment is of another kind or format, a shard is damaged, or segments
            do not belong together.
        """
        blocks = [blocks] if isinstance(blocks, artifacts.Segment) else list(blocks)
        spans = [spans] if isinstance(spans, artifacts.Segment) else list(spans)
        check(blocks, spans)
        marks = [path for segment in spans for path in segment.files(f"{schema.SPANS}-")]
        marked = [path for segment in blocks for path in segment.files(f"{schema.BLOCKS}-")]
        return cls(
            list(chunk_lib.open_chunks(marked, marks, without)),
            path=", ".join(segment.path for segment in blocks),
            blocks=_fingerprint(blocks, without),
            source=_fingerprint(spans or blocks, without),
            tokenizer=blocks[0].made_from["tokenizer"],
        )

    @classmethod
    def of_shard(cls, blocks: str, spans: str | None = None) -> BlockTable:
        """Opens one shard of blocks, and the shard of spans that marks it: what a job reads.

        Args:
          blocks: Path of the shard of blocks.
          spans: Path of the shard of spans, or None.

        Raises:
          UserError: If a shard is damaged, or the two have different rows.
        """
        found = list(chunk_lib.open_chunks([blocks], [] if spans is None else [spans]))
        return cls(found, path=blocks, blocks=blocks, source=spans or blocks, tokenizer="")

    def __len__(self) -> int:
        return self._num_rows

    @property
    def metadata_fields(self) -> dict[str, str]:
        """Fields of the metadata that have columns, and their types; see `data.metadata`."""
        return schema.metadata_fields(self._chunks[0].schema) if self._chunks else {}

    def chunks(self) -> Iterator[chunk_lib.Chunk]:
        """The whole table in pieces of bounded size, in the order of the rows."""
        return iter(self._chunks)

    def take(self, column: str, rows: np.ndarray) -> types.Ragged:
        """Rows of a column of lists or of texts.

        Args:
          column: Name of the column, e.g. "token_ids" or "title_ids".
          rows: <int64>[n] row numbers; -1 gives an empty row.
        """
        rows = np.asarray(rows, np.int64)
        if len(self._chunks) == 1:
            return self._chunks[0].take(column, rows)
        number_of = np.searchsorted(self._starts, rows, side="right") - 1
        numbers = np.unique(number_of[rows >= 0])
        if not len(numbers):
            return types.Ragged(np.zeros(0, np.int32), np.zeros(len(rows) + 1, np.int64))
        parts, places = [], []
        for number in numbers.tolist():
            here = np.flatnonzero((number_of == number) & (rows >= 0))
            chunk = self._chunks[number]
            parts.append(chunk.take(column, rows[here] - chunk.first_row))
            places.append(here)
        order = np.full(len(rows), -1, np.int64)
        order[np.concatenate(places)] = np.arange(sum(map(len, places)))
        return types.Ragged.join(parts).take(order)

    def scalar(self, column: str, rows: np.ndarray) -> np.ndarray:
        """Values of a scalar column.

        Args:
          column: "block_id", "doc_key", "doc_byte_start" or "doc_byte_limit".
          rows: <int64>[...] row numbers; what stands where a row is -1 is undefined.

        Returns:
          <dtype>[...] of the shape of `rows`.
        """
        rows = np.asarray(rows, np.int64)
        dtype = np.uint64 if column in ("block_id", "doc_key") else np.int64
        found = np.zeros(rows.shape, dtype)
        number_of = np.searchsorted(self._starts, rows, side="right") - 1
        for number in np.unique(number_of[rows >= 0]).tolist():
            here = (number_of == number) & (rows >= 0)
            chunk = self._chunks[number]
            found[here] = chunk.scalars(column, rows[here] - chunk.first_row)
        return found

    def ragged(self, column: str) -> types.Ragged:
        """A column of lists or texts of all rows, copied if the table has several chunks."""
        parts = [chunk.ragged(column) for chunk in self._chunks]
        return parts[0] if len(parts) == 1 else types.Ragged.join(parts)

    @property
    def block_ids(self) -> np.ndarray:
        """<uint64>[num_blocks] ids of all rows, copied if the table has several chunks."""
        parts = [chunk.scalar("block_id") for chunk in self._chunks]
        return np.concatenate([np.zeros(0, np.uint64), *parts])

    def token_ids(self, row: int) -> np.ndarray:
        """<uint16 or uint32>[body_length] wordpieces of the text, without special tokens."""
        return self._row("token_ids", row)

    def title_ids(self, row: int) -> np.ndarray:
        """<uint16 or uint32>[title_length] wordpieces of the title."""
        return self._row("title_ids", row)

    def token_byte_start(self, row: int) -> np.ndarray:
        """<unsigned integer>[body_length] first byte of every wordpiece in the block's text."""
        return self._row("token_byte_start", row)

    def token_byte_limit(self, row: int) -> np.ndarray:
        """<unsigned integer>[body_length] one past the last byte of every wordpiece."""
        return self._row("token_byte_limit", row)

    def sentence_byte_start(self, row: int) -> np.ndarray:
        """<unsigned integer>[num_sentences] first byte of every sentence in the block's text."""
        return self._row("sentence_byte_start", row)

    def sentence_byte_limit(self, row: int) -> np.ndarray:
        """<unsigned integer>[num_sentences] one past the last byte of every sentence."""
        return self._row("sentence_byte_limit", row)

    def title(self, row: int) -> str:
        """Title of the row's document."""
        return self._text("title", row)

    def text(self, row: int) -> str:
        """Text of the block."""
        return self._text("text", row)

    def doc_id(self, row: int) -> str:
        """Id of the row's document."""
        return self._text("doc_id", row)

    def metadata(self, row: int) -> str:
        """Metadata of the document, as JSON text."""
        return self._text("metadata", row)

    def duplicate_of(self, row: int) -> int | None:
        """Id of the first block of another document with the same text; None if there is none."""
        chunk = self._chunk(row)
        return int(chunk.scalar(schema.DUPLICATE_OF)[row - chunk.first_row]) or None

    @functools.cached_property
    def span_offsets(self) -> np.ndarray:
        """<int64>[num_blocks + 1] first span, counted over all rows, of every row.

        The only column that is made (at its first use) and not mapped: 8 bytes a block.
        """
        counts = [chunk.ragged("span_token_start").lengths for chunk in self._chunks]
        offsets = np.zeros(len(self) + 1, np.int64)
        np.cumsum(np.concatenate([np.zeros(0, np.int64), *counts]), out=offsets[1:])
        return offsets

    @property
    def total_spans(self) -> int:
        """Number of salient spans in all rows; 0 in a table without spans."""
        return int(self.span_offsets[-1])

    def num_spans(self, row: int) -> int:
        """Number of salient spans in the row."""
        return len(self.span_token_start(row))

    def span_byte_start(self, row: int) -> np.ndarray:
        """<unsigned integer>[num_spans] first byte of every span in the block's text."""
        return self._row("span_byte_start", row)

    def span_byte_limit(self, row: int) -> np.ndarray:
        """<unsigned integer>[num_spans] one past the last byte of every span."""
        return self._row("span_byte_limit", row)

    def span_token_start(self, row: int) -> np.ndarray:
        """<uint16>[num_spans] first wordpiece of every span in `token_ids`."""
        return self._row("span_token_start", row)

    def span_token_limit(self, row: int) -> np.ndarray:
        """<uint16>[num_spans] one past the last wordpiece of every span."""
        return self._row("span_token_limit", row)

    def span_label(self, row: int) -> list[str]:
        """Label of every span."""
        chunk = self._chunk(row)
        return chunk.labels(row - chunk.first_row)

    def row_of_span(self, span: int) -> int:
        """The row that holds a span, counted over all rows."""
        return int(np.searchsorted(self.span_offsets, span, side="right")) - 1

    def block(self, row: int) -> types.Block:
        """The whole row, as an object with arrays <int32>."""
        chunk = self._chunk(row)
        at = row - chunk.first_row
        values: dict[str, Any] = {n: int(chunk.scalar(n)[at]) for n in schema.SCALARS}
        values |= {name: self._text(name, row) for name in schema.TEXTS}
        values |= {name: self._row(name, row).astype(np.int32) for name in schema.LISTS}
        return types.Block(**values)

    def spans(self, row: int) -> tuple[types.Span, ...]:
        """The spans of the row, in order."""
        names = ("byte_start", "byte_limit", "token_start", "token_limit")
        numbers = [self._row(f"span_{name}", row).tolist() for name in names]
        return tuple(types.Span(*s) for s in zip(*numbers, self.span_label(row), strict=True))

    def passage(self, row: int) -> types.Passage:
        """The whole row with its spans."""
        return types.Passage(self.block(row), self.spans(row))

    def _chunk(self, row: int) -> chunk_lib.Chunk:
        return self._chunks[bisect.bisect_right(self._first_rows, row) - 1]

    def _row(self, column: str, row: int) -> np.ndarray:
        chunk = self._chunk(row)
        return chunk.row(column, row - chunk.first_row)

    def _text(self, column: str, row: int) -> str:
        return self._row(column, row).tobytes().decode("utf-8")


def _fingerprint(segments: Sequence[artifacts.Segment], without: np.ndarray | None) -> str:
    gone = [] if without is None or not len(without) else [without.tolist()]
    if len(segments) == 1 and not gone:
        return segments[0].fingerprint
    return artifacts.digest([*(segment.fingerprint for segment in segments), *gone])


def _fields_of(segment: artifacts.Segment) -> tuple[str, str]:
    fields = segment.settings.get(schema.METADATA_FIELDS, {})
    return segment.path, artifacts.canonical_json(fields)


def check(blocks: Sequence[artifacts.Segment], spans: Sequence[artifacts.Segment]) -> None:
    """Refuses segments of blocks, and of the spans that mark them, that do not belong together.

    Raises:
      UserError: If one is of another kind, format or tokenizer, has other columns of metadata, or
        marks other blocks.
    """
    for kind, segments in ((schema.BLOCKS, blocks), (schema.SPANS, spans)):
        for segment in segments:
            artifacts.require_kind(segment, kind)
            artifacts.require_same(
                "tokenizer",
                (blocks[0].path, blocks[0].made_from["tokenizer"]),
                (segment.path, segment.made_from.get("tokenizer")),
            )
    for segment in blocks:
        artifacts.require_same(schema.METADATA_FIELDS, _fields_of(blocks[0]), _fields_of(segment))
    for marked, marks in zip(blocks, spans, strict=bool(spans)):
        artifacts.require_made_from(marks, marked)
