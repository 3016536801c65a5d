# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds the salient spans of sentences with a trained span tagger.

The tagger has a vocabulary of its own, so a text may belong to blocks of another one: what it finds
is told in bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from realm_tf import artifacts
from realm_tf.data.tagging import bio, tag_batches, tag_predictions
from realm_tf.models.inference import tagger_export
from realm_tf.text import packing, salient
from realm_tf.text import tokenizer as tokenizer_lib

BATCH_SIZE = 64


class SpanFinder:
    """Finds salient spans with the tagger and the tokenizer of a "span_tagger" segment.

    Args:
      segment: The "span_tagger" segment.
      batch_size: Number of sentences for each call of the tagger.

    Attributes:
      labels: Labels of the spans that it can find.
    """

    def __init__(self, segment: artifacts.Segment, *, batch_size: int = BATCH_SIZE):
        self.labels: Sequence[str] = segment.settings["labels"]
        self._length = int(segment.settings["length"])
        self._tags = bio.tags_of(self.labels)
        self._tokenizer = tokenizer_lib.Tokenizer.open(segment)
        self._starts_word = self._tokenizer.starts_word
        self._logits_fn = tagger_export.load(segment)
        self._batch_size = batch_size

    def find(self, sentences: Sequence[str]) -> list[list[salient.SalientSpan]]:
        """Finds the spans of every sentence.

        Sentences of similar lengths are tagged together: the spans do not depend on which, but for
        the last bits of float32, which may decide between two tags of equal probability. A
        sentence that is too long for the tagger is tagged in parts, divided between words.

        Returns:
          The spans of every sentence, in order, in bytes of the sentence.
        """
        pieces = self._tokenizer.encode(sentences)
        words = [np.flatnonzero(self._starts_word[p.ids]) for p in pieces]
        examples = [e for i, p in enumerate(pieces) for e in self._examples(i, p)]
        tags = tag_predictions.predict(
            examples,
            [len(of_sentence) for of_sentence in words],
            self._logits_fn,
            self._tokenizer,
            self._tags,
            length=self._length,
            batch_size=self._batch_size,
        )
        return [list(_spans(*parts)) for parts in zip(tags, pieces, words, strict=True)]

    def _examples(
        self, number: int, pieces: tokenizer_lib.TokenizedText
    ) -> Iterator[tag_batches.Example]:
        first = self._starts_word[pieces.ids]
        nothing = np.zeros(0, np.float32)
        word = np.cumsum(first) - 1  # of every wordpiece
        for start, limit in tag_batches.windows(first, self._length - packing.QUERY_SPECIALS):
            places = np.flatnonzero(first[start:limit])
            ids = pieces.ids[start:limit]
            yield tag_batches.Example(
                ids, nothing, nothing, number, word[start:limit][places], places
            )


def _spans(
    tags: Sequence[str], pieces: tokenizer_lib.TokenizedText, words: np.ndarray
) -> Iterator[salient.SalientSpan]:
    limits = np.append(words[1:], len(pieces.ids))  # one past the last wordpiece of every word
    for start, limit, label in bio.spans(tags):
        yield salient.SalientSpan(
            int(pieces.byte_start[words[start]]),
            int(pieces.byte_limit[limits[limit - 1] - 1]),
            label,
        )
