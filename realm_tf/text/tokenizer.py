# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The tokenizer: turns texts into BERT wordpieces with byte offsets.

TF.Text's FastBertTokenizer does the work: 5-12 million wordpieces a second, the same op in a
serving graph as here, and offsets that are bytes of the text as given (those of BertTokenizer
index the normalised text instead). A literal "[SEP]" in a text is ordinary wordpieces, never the
special one.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text

from realm_tf import artifacts, types
from realm_tf.text import vocabulary

# Raise when the same vocabulary would give other wordpieces than before.
SCHEMA_VERSION = 1

_BATCH_TEXTS = 512


class TokenizedText(NamedTuple):
    """The wordpieces of one text with their byte offsets, without special tokens.

    Attributes:
      ids: Vocabulary ids of the wordpieces, <int32>[n].
      byte_start: First byte of every wordpiece in the text (UTF-8), <int32>[n].
      byte_limit: One past the last byte of every wordpiece, <int32>[n].
    """

    ids: np.ndarray
    byte_start: np.ndarray
    byte_limit: np.ndarray


class Tokenizer:
    """BERT's tokenizer over one vocabulary.

    Args:
      vocab: Wordpieces in the order of their ids, with the special tokens.
      lower_case: Whether text is lower-cased and stripped of accents (BERT "uncased").

    Attributes:
      vocab: Wordpieces in the order of their ids, as a tuple.
      lower_case: Whether text is lower-cased and stripped of accents.
      vocab_size: Number of wordpieces.
      pad_id, unk_id, cls_id, sep_id, mask_id: Ids of the special tokens.
      fingerprint: Hash of all that decides what text becomes; equal for equal tokenizers.

    Raises:
      UserError: If the vocabulary lacks a special token, or repeats or holds an unusable one.
    """

    def __init__(self, vocab: Sequence[str], *, lower_case: bool = True):
        vocabulary.check(vocab, "The vocabulary")
        self.vocab = tuple(vocab)
        self.lower_case = lower_case
        self.vocab_size = len(self.vocab)
        self.pad_id, self.unk_id, self.cls_id, self.sep_id, self.mask_id = (
            self.vocab.index(token) for token in vocabulary.SPECIAL_TOKENS
        )
        self.fingerprint = artifacts.digest(
            {"vocab": self.vocab, "lower_case": lower_case, "schema_version": SCHEMA_VERSION}
        )
        self._op = self._make_op()
        # Called eagerly, the op takes some 40 ms whatever the text; in a traced function 1 ms.
        self._tokenize = tf.function(
            self._op.tokenize_with_offsets, input_signature=[tf.TensorSpec([None], tf.string)]
        )

    @classmethod
    def open(cls, segment: artifacts.Segment | str) -> Tokenizer:
        """Opens the tokenizer of a "vocab" segment, given as a segment or as a path.

        Raises:
          UserError: If the segment is not whole, or its vocabulary is not usable.
        """
        if isinstance(segment, str):
            segment = artifacts.open_segment(segment, vocabulary.KIND)
        vocab = vocabulary.read(segment.file(vocabulary.FILE))
        return cls(vocab, lower_case=segment.settings["lower_case"])

    @functools.cached_property
    def starts_word(self) -> np.ndarray:
        """<bool>[vocab_size]: whether a wordpiece is the first of its word."""
        return np.array([not piece.startswith("##") for piece in self.vocab])

    def in_graph(self) -> tf_text.FastBertTokenizer:
        """The TF.Text layer of the tokenizer, for a serving graph."""
        return self._op

    def encode(self, texts: Sequence[str]) -> list[TokenizedText]:
        """Tokenizes texts, in batches; no special tokens are added."""
        tokenized: list[TokenizedText] = []
        for first in range(0, len(texts), _BATCH_TEXTS):
            tokenized.extend(self._encode_batch(texts[first : first + _BATCH_TEXTS]))
        return tokenized

    def _make_op(self) -> tf_text.FastBertTokenizer:
        try:
            return tf_text.FastBertTokenizer(
                vocab=list(self.vocab),
                token_out_type=tf.int32,
                lower_case_nfd_strip_accents=self.lower_case,
            )
        except RuntimeError as error:
            raise types.UserError(f"The vocabulary is not usable: {error}") from error

    def _encode_batch(self, texts: Sequence[str]) -> Iterator[TokenizedText]:
        with tf.device("/CPU:0"):
            ids, starts, limits = self._tokenize(tf.constant(list(texts), tf.string))
        splits = ids.row_splits.numpy()
        flat_ids: Any = ids.flat_values.numpy()
        flat_starts = starts.flat_values.numpy().astype(np.int32)
        flat_limits = _without_empty(flat_starts, limits.flat_values.numpy().astype(np.int32))
        for a, b in itertools.pairwise(splits):
            yield TokenizedText(flat_ids[a:b], flat_starts[a:b], flat_limits[a:b])


def _without_empty(starts: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Gives every wordpiece at least one byte.

    One character may become two wordpieces (a digraph), the first of which then has no bytes of its
    own: both get those of the character.
    """
    for i in np.flatnonzero(starts == limits)[::-1]:
        if i + 1 < len(limits):
            limits[i] = max(limits[i], limits[i + 1])
    return limits
