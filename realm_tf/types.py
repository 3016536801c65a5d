# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The nouns that all rooms share (document, block, answer, rows, errors), and tensor dimensions.

Dimensions, as docstrings use them:

| name | meaning |
|---|---|
| `batch_size` (B) | examples of one step on one replica |
| `num_candidates` (K) | blocks read per example, the null block included |
| `query_length` (Lq) | wordpieces of a packed query, special tokens included |
| `block_length` (Lb) | wordpieces of a packed block (title and body) |
| `joint_length` (Lj) | wordpieces of a packed query and body |
| `num_masks` (M) | masked wordpieces of an example, padded |
| `embed_dim` (D) | size of a query or block vector, 128 in the paper |
| `num_blocks` (N) | blocks of a corpus |

The symbols are the paper's (Guu et al., 2020): x the query, z a block, y what is predicted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np


class UserError(ValueError):
    """The user's mistake: one line that says what is wrong, what was received, and the cure."""


class Terminated(Exception):  # noqa: N818
    """Error that any command may end with: it was asked to end, and has saved its work.

    One line says how to go on.
    """


class Document(NamedTuple):
    """A text of a corpus and the place that it was read from; sorts by id, then place.

    A tuple of strings and numbers, which Beam encodes faster than an object of a class.

    Attributes:
      doc_id: The user's key, unique in the corpus.
      file: Path of the file of the corpus that holds it.
      number: Number of its record in the file; `corpus_formats.place` shows it to the user.
      title: Its title, cleaned; it may be empty.
      text: Its body without the title, cleaned: what blocks are slices of.
      metadata: Everything else of its record, as canonical JSON; it stays with the blocks.
    """

    doc_id: str
    file: str
    number: int
    title: str
    text: str
    metadata: str


@dataclasses.dataclass(frozen=True)
class Span:
    """A salient span of a block: a name or a date.

    Attributes:
      byte_start: First byte in the block's text (UTF-8).
      byte_limit: One past the last byte.
      token_start: First wordpiece in the block's `token_ids`.
      token_limit: One past the last wordpiece.
      label: What it is, e.g. "NAME" or "DATE".
    """

    byte_start: int
    byte_limit: int
    token_start: int
    token_limit: int
    label: str


@dataclasses.dataclass(frozen=True)
class Block:
    """The unit of retrieval: consecutive sentences of one document.

    Attributes:
      block_id: Stable 64-bit id; an unchanged block keeps it (and its vector) over corpus updates.
      doc_id: Id of the document.
      title: Title of the document.
      text: A contiguous slice of the document's text.
      metadata: The document's metadata as canonical JSON.
      doc_byte_start: Where `text` starts in the document's text, in bytes.
      title_ids: <int32>[title_length] wordpieces of the title, without special tokens.
      token_ids: <int32>[body_length] wordpieces of the text, without special tokens.
      token_byte_start: <int32>[body_length] first byte of every wordpiece in `text`.
      token_byte_limit: <int32>[body_length] one past its last byte.
      sentence_byte_start: <int32>[num_sentences] first byte of every sentence in `text`.
      sentence_byte_limit: <int32>[num_sentences] one past its last byte.
    """

    block_id: int
    doc_id: str
    title: str
    text: str
    metadata: str
    doc_byte_start: int
    title_ids: np.ndarray
    token_ids: np.ndarray
    token_byte_start: np.ndarray
    token_byte_limit: np.ndarray
    sentence_byte_start: np.ndarray
    sentence_byte_limit: np.ndarray


@dataclasses.dataclass(frozen=True)
class Passage:
    """A block with its salient spans: what masked-span examples are made from.

    Passages may come from the knowledge corpus or from a pre-training corpus of their own.
    """

    block: Block
    spans: tuple[Span, ...]


class EncoderInputs(NamedTuple):
    """What an encoder reads. All three are <int32>[..., length], arrays or tensors.

    Attributes:
      word_ids: Wordpieces, padded with the [PAD] id.
      mask: 1 where there is a wordpiece, 0 where there is padding.
      type_ids: Segment ids: 0 for the first text with its special tokens, 1 for the second.
    """

    word_ids: Any
    mask: Any
    type_ids: Any


class RetrievedBlocks(NamedTuple):
    """What a search returns, best first.

    Attributes:
      rows: <int64>[batch_size, k] row numbers in the block segment's order; -1 where padded.
      scores: <float32>[batch_size, k] inner products; -inf where padded.
    """

    rows: Any
    scores: Any


# A batch is a flat dict of NumPy arrays of fixed shape (and `EncoderInputs`), so that tf.data,
# TFRecord spools and tests all carry the same thing.
@dataclasses.dataclass(frozen=True)
class Ragged:
    """Rows of different lengths, one after the other in a flat array: tokens, spans, texts.

    Attributes:
      values: <dtype>[total] the values of all rows.
      offsets: <int32 or int64>[num_rows + 1] where every row starts in `values`, and where the
        last ends.
    """

    values: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, rows: Sequence[np.ndarray], dtype: Any = np.int32) -> Ragged:
        """Joins rows <dtype>[any]."""
        values = np.concatenate([np.zeros(0, dtype), *rows]).astype(dtype, copy=False)
        return cls(values, _offsets(np.array([len(row) for row in rows], np.int64)))

    @classmethod
    def join(cls, parts: Sequence[Ragged]) -> Ragged:
        """Joins the rows of all parts, one part after the other."""
        values = np.concatenate([part.values for part in parts] or [np.zeros(0, np.int32)])
        lengths = np.concatenate([np.zeros(0, np.int64), *(part.lengths for part in parts)])
        return cls(values, _offsets(lengths))

    @property
    def lengths(self) -> np.ndarray:
        """<int64>[num_rows] number of values of every row."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def row(self, index: int) -> np.ndarray:
        """<dtype>[any] values of one row, as a view."""
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    def rows(self) -> Iterator[np.ndarray]:
        """Every row in order."""
        return (self.row(index) for index in range(len(self)))

    def take(self, rows: np.ndarray) -> Ragged:
        """Chosen rows <int64>[n], in this order; a row of -1 is an empty one."""
        there = rows >= 0
        starts = self.offsets[rows]
        lengths = np.where(there, self.offsets[rows + there] - starts, 0)
        return self._slices(starts, lengths)

    def repeat(self, times: int) -> Ragged:
        """Every row so many times, one copy after the other."""
        return self.take(np.repeat(np.arange(len(self)), times))

    def cut(self, limits: np.ndarray | int) -> Ragged:
        """Every row without what stands behind its first `limits` values, <int64>[num_rows]."""
        lengths = self.lengths
        if np.all(lengths <= limits):
            return self
        return self._slices(self.offsets[:-1], np.minimum(lengths, limits))

    def _slices(self, starts: np.ndarray, lengths: np.ndarray) -> Ragged:
        offsets = _offsets(lengths)
        places = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)
        return Ragged(self.values.take(places), offsets)  # faster than an index in brackets


def _offsets(lengths: np.ndarray) -> np.ndarray:
    """<int64>[n] lengths of rows to <int64>[n + 1] offsets."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


@dataclasses.dataclass(frozen=True)
class Answer:
    """An answer with its provenance: what a model gives, predictions hold, and a server replies.

    Attributes:
      text: The answer, a slice of the block's text.
      score: Retriever logit plus reader logit, natural log units.
      block_id: Id of the block that the answer stands in.
      doc_id: Id of that block's document.
      title: Title of that document.
      block_text: Text of the block: the evidence.
      byte_start: First byte of the answer in `block_text` (UTF-8).
      byte_limit: One past its last byte.
      probability: Probability that it is right, by the model; None if the model tells none, as all
        below.
      retrieval_score: The retriever's logit: inner product of question and block.
      reader_score: The reader's logit.
      char_start: First character of the answer in `block_text` (Unicode code points).
      char_limit: One past its last character.
      metadata: Metadata of the document, as JSON.
    """

    text: str
    score: float
    block_id: int
    doc_id: str
    title: str
    block_text: str
    byte_start: int
    byte_limit: int
    probability: float | None = None
    retrieval_score: float | None = None
    reader_score: float | None = None
    char_start: int | None = None
    char_limit: int | None = None
    metadata: str | None = None
