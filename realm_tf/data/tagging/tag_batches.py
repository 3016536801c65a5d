# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Labelled sentences as a token classifier sees them: wordpieces, tags, and batches.

What is tagged are BERT's words: whitespace and punctuation divide, and the first wordpiece of each,
the one without "##", carries its tag. A word of the data may be several of these ("U.S."): all of
them are taught, the later ones with the I-tag, so that a text that nobody divided into words can be
tagged the same way. What is predicted for a word of the data is what its first wordpiece gets.

Batches are a pure function of (seed, batch index). Sentences of similar lengths share a batch, so
that little is padding, and there are few lengths, so that few shapes are compiled.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from realm_tf import types
from realm_tf.data import sampling
from realm_tf.data.tagging import bio, conll
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib

_LENGTH_STEP = 16


class TagBatch(NamedTuple):
    """Sentences of similar lengths as `[CLS] sentence [SEP]`, and their tags.

    Attributes:
      inputs: EncoderInputs <int32>[batch_size, length].
      targets: <int32>[batch_size, length] number of the tag; 0 where there is none to learn.
      weights: <float32>[batch_size, length] 1 where there is a tag to learn.
    """

    inputs: types.EncoderInputs
    targets: np.ndarray
    weights: np.ndarray


class Example(NamedTuple):
    """A sentence, or as much of one as fits.

    Attributes:
      ids: <int32>[n] wordpieces, without special tokens.
      targets: <int32>[n] number of the tag; 0 where there is none to learn.
      weights: <float32>[n] 1 where there is a tag to learn: at the first wordpieces of words.
      sentence: Number of the sentence.
      words: <int32>[num_words] words of the data whose first wordpieces are at `places`.
      places: <int32>[num_words] of these wordpieces in `ids`.
    """

    ids: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    sentence: int
    words: np.ndarray
    places: np.ndarray


def windows(first: np.ndarray, size: int) -> Iterator[tuple[int, int]]:
    """Divides wordpieces into runs of at most `size`, between words where that can be done.

    Args:
      first: <bool>[n] whether a wordpiece is the first of its word.
      size: The most wordpieces of a run.

    Yields:
      (start, limit) of runs that join without gaps; nothing if there is no wordpiece.
    """
    start, count = 0, len(first)
    while count - start > size:
        borders = np.flatnonzero(first[start + 1 : start + size + 1])
        limit = start + 1 + int(borders[-1]) if len(borders) else start + size
        yield start, limit
        start = limit
    if count:
        yield start, count


def make_examples(
    sentences: Sequence[conll.Sentence],
    tags: Sequence[str],
    tokenizer: tokenizer_lib.Tokenizer,
    *,
    length: int,
) -> list[Example]:
    """Sentences as wordpieces with tags.

    Args:
      sentences: Labelled sentences.
      tags: Their numbers are their places here; tags that are not among them are not learned.
      tokenizer: Tokenizer of the model.
      length: Wordpieces of a packed input, special tokens included. Longer sentences become several
        examples.

    Returns:
      Examples in the order of the sentences; one without wordpieces has none.
    """
    numbers = {tag: i for i, tag in enumerate(tags)}
    first_of_word = tokenizer.starts_word
    texts = [" ".join(sentence.words) for sentence in sentences]
    examples = []
    for number, pieces in enumerate(tokenizer.encode(texts)):
        word = _word_of_piece(sentences[number].words, pieces.byte_start)
        first = first_of_word[pieces.ids]
        whole = Example(
            pieces.ids, *_targets(sentences[number].tags, word, first, numbers), number, word, word
        )
        begins = np.diff(word, prepend=-1) > 0  # the first wordpiece of a word of the data
        for start, limit in windows(first, length - packing.QUERY_SPECIALS):
            places = np.flatnonzero(begins[start:limit]).astype(np.int32)
            examples.append(
                whole._replace(
                    ids=whole.ids[start:limit],
                    targets=whole.targets[start:limit],
                    weights=whole.weights[start:limit],
                    words=word[start:limit][places],
                    places=places,
                )
            )
    return examples


def _word_of_piece(words: Sequence[str], byte_start: np.ndarray) -> np.ndarray:
    """<int32>[n]: which word of the data every wordpiece of the joined text lies in."""
    sizes = np.array([len(word.encode("utf-8")) + 1 for word in words], np.int64)
    limits = np.cumsum(sizes)
    return np.searchsorted(limits, byte_start, side="right").astype(np.int32)


def _targets(
    tags: Sequence[str], word: np.ndarray, first: np.ndarray, numbers: dict[str, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Number of the tag of every wordpiece, and whether it is learned."""
    targets = np.zeros(len(word), np.int32)
    weights = np.zeros(len(word), np.float32)
    before = -1
    for place in np.flatnonzero(first).tolist():
        prefix, label = bio.split(tags[word[place]])
        goes_on = prefix == "B" and word[place] == before
        tag = f"I-{label}" if goes_on else tags[word[place]]
        before = int(word[place])
        if tag in numbers:
            targets[place], weights[place] = numbers[tag], 1.0
    return targets, weights


@dataclasses.dataclass(frozen=True)
class _Epoch:
    """The batches of one epoch: numbers of examples, and the length of each batch."""

    rows: list[np.ndarray]
    lengths: list[int]


class TagBatches:
    """A pure function from batch index to batch.

    Every epoch has every example once, and a few twice: what fills the last batch of each length.

    Args:
      examples: What there is to learn from.
      tokenizer: Tokenizer of the model.
      batch_size: Examples of a batch.
      length: Wordpieces of the longest packed input.
      seed: Seed of the run.

    Raises:
      UserError: If there is no example.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        tokenizer: tokenizer_lib.Tokenizer,
        *,
        batch_size: int,
        length: int,
        seed: int,
    ):
        if not examples:
            raise types.UserError("The span tagger has no training sentence with wordpieces.")
        self._examples, self._tokenizer = examples, tokenizer
        self._batch_size, self._seed = batch_size, seed
        sizes = np.array([len(e.ids) + packing.QUERY_SPECIALS for e in examples])
        self._lengths = packing.bucket_lengths(sizes, length, _LENGTH_STEP)
        self._known: tuple[int, _Epoch] = (-1, _Epoch([], []))
        counts = np.unique(self._lengths, return_counts=True)[1]
        self.batches_per_epoch = int(sum(-(-n // batch_size) for n in counts.tolist()))

    def make_batch(self, index: int) -> TagBatch:
        """Makes the batch `index`; see `pack`."""
        rows, length = self._rows_of(index)
        return pack([self._examples[row] for row in rows], length, self._tokenizer)

    def records(self, index: int) -> list[str]:
        """Names of what the batch `index` is made of, for messages: sentences, from 1."""
        return [f"sentence {self._examples[row].sentence + 1}" for row in self._rows_of(index)[0]]

    def _rows_of(self, index: int) -> tuple[list[int], int]:
        """Numbers of the examples of the batch `index`, and its length."""
        number, place = divmod(index, self.batches_per_epoch)
        known_number, epoch = self._known
        if known_number != number:
            epoch = self._make_epoch(number)
            self._known = (number, epoch)
        return epoch.rows[place].tolist(), epoch.lengths[place]

    def _make_epoch(self, number: int) -> _Epoch:
        rng = sampling.generator(self._seed, "span_tagger/epoch", number)
        rows, lengths = [], []
        for padded in np.unique(self._lengths).tolist():
            members = rng.permutation(np.flatnonzero(self._lengths == padded))
            count = -(-len(members) // self._batch_size)
            filled = np.resize(members, count * self._batch_size)
            rows += list(filled.reshape(count, self._batch_size))
            lengths += [padded] * count
        order = rng.permutation(len(rows)).tolist()
        return _Epoch([rows[i] for i in order], [lengths[i] for i in order])


def pack(examples: Sequence[Example], length: int, tokenizer: tokenizer_lib.Tokenizer) -> TagBatch:
    """Packs examples into one batch, padded to `length`."""
    targets = np.zeros((len(examples), length), np.int32)
    weights = np.zeros((len(examples), length), np.float32)
    for row, example in enumerate(examples):
        limit = 1 + len(example.ids)
        targets[row, 1:limit] = example.targets
        weights[row, 1:limit] = example.weights
    ids = types.Ragged.of([e.ids for e in examples])
    return TagBatch(packing.pack_queries(ids, length, tokenizer), targets, weights)
