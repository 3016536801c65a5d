# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The words of texts in the served graph: those of `answer_matching.comparable_words`.

TensorFlow has no NFD among its own ops, its lower case depends on the server's locale, and RE2 has
the letters of another version of Unicode. So the graph has the tables of the Python that exports.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from realm_tf.text import fold_tables, words

_ARTICLE = "a|an|the"
_BORDER, _END = "\x1e", "\x1f"  # which no folded text holds


class GraphWords(tf.Module):
    """Divides texts into the words by which they are compared."""

    def __init__(self) -> None:
        super().__init__(name="words")
        self._folded = _CharacterTable(*fold_tables.folded(), name="folded")
        self._properties = _CharacterTable(*fold_tables.properties(), name="properties")

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """The words of texts <string>[n] in UTF-8, ragged <string>[n, any]."""
        word, inside = words.for_re2()
        replaced = tf.strings.regex_replace
        # An article is a whole run of letters, digits and marks.
        marked = replaced(self.fold(texts), f"([{inside}]+)", rf"{_BORDER}\1{_BORDER}")
        marked = replaced(marked, f"{_BORDER}(?:{_ARTICLE}){_BORDER}", " ")
        whole = replaced(marked, _BORDER, "")
        parts = tf.strings.split(replaced(whole, f"({word})|(?s:.)", rf"\1{_END}"), _END)
        return tf.ragged.boolean_mask(parts, parts.with_values(parts.values != ""))

    def fold(self, texts: tf.Tensor) -> tf.Tensor:
        """Texts <string>[n] in NFD and lower case, with blanks for control characters."""
        decoded = tf.strings.unicode_decode(texts, "UTF-8")
        codes, row = decoded.values, decoded.value_rowids()
        is_folded, becomes = self._folded(codes)
        padding = [[0, 0], [0, fold_tables.MOST - 1]]
        itself = tf.pad(codes[:, tf.newaxis], padding, constant_values=-1)
        becomes = tf.where(is_folded[:, tf.newaxis], becomes, itself)
        row = tf.repeat(row, tf.math.count_nonzero(becomes >= 0, axis=1))
        codes = self._in_order(tf.boolean_mask(becomes, becomes >= 0), row)
        codes = self._with_small_sigmas(codes, row)
        codes = tf.where(codes < ord(" "), ord(" "), codes)
        rows = tf.RaggedTensor.from_value_rowids(codes, row, nrows=decoded.nrows(), validate=False)
        return tf.strings.unicode_encode(rows, "UTF-8")

    def _in_order(self, codes: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
        """Characters <int32>[n] of rows <int64>[n] in the canonical order of their marks."""
        combining = tf.cast(self._of(codes) & 255, tf.int64)
        group = tf.cumsum(tf.cast(combining == 0, tf.int64)) + row
        return tf.gather(codes, tf.argsort(group * 256 + combining, stable=True))

    def _with_small_sigmas(self, codes: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
        """A sigma is final if a cased letter stands before it, and none behind it."""
        of = self._of(codes)
        is_seen = (of & fold_tables.IGNORED) == 0
        seen_row = tf.pad(tf.boolean_mask(row, is_seen), [[1, 1]], constant_values=-1)
        is_cased = tf.boolean_mask((of & fold_tables.CASED) > 0, is_seen)
        is_cased = tf.pad(is_cased, [[1, 1]])

        def has_case(place: tf.Tensor) -> tf.Tensor:
            return tf.gather(is_cased, place) & (tf.gather(seen_row, place) == row)

        seen = tf.cast(is_seen, tf.int32)
        place = tf.cumsum(seen)  # of a seen character itself, among those and the padding
        is_final = has_case(place - seen) & ~has_case(place + 1)
        small = tf.where(is_final, fold_tables.FINAL_SIGMA, fold_tables.SIGMA)
        return tf.where(codes == fold_tables.CAPITAL_SIGMA, small, codes)

    def _of(self, codes: tf.Tensor) -> tf.Tensor:
        is_there, of = self._properties(codes)
        return tf.where(is_there, of, 0)


class _CharacterTable(tf.Module):
    """What is known of some characters <int32>[n], ascending: values <int32>[n, ...]."""

    def __init__(self, characters: np.ndarray, values: np.ndarray, *, name: str):
        super().__init__(name=name)
        self._last = len(characters) - 1
        self._characters = tf.Variable(characters, trainable=False, name="characters")
        self._values = tf.Variable(values, trainable=False, name="values")

    def __call__(self, codes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Of which characters <int32>[n] it knows something, and what <int32>[n, ...]."""
        place = tf.minimum(tf.searchsorted(self._characters, codes), self._last)
        return tf.gather(self._characters, place) == codes, tf.gather(self._values, place)
