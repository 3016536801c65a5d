# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Distinct texts in the served graph, and at which place each of them stands.

A table of TensorFlow's would have to be filled when a model is loaded. This is two variables: texts
in the order of their hashes, and these, among which a text is looked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from serving import big_variables

_HASHES = 2**63 - 1
_PIECE = 1 << 16  # texts at a time, when a variable is made


class TextPlaces(tf.Module):
    """Looks up texts.

    Args:
      texts: The texts in UTF-8, all different.

    Attributes:
      order: Number of the text at each place, <int64>[num_texts].
    """

    def __init__(self, texts: Sequence[bytes]):
        super().__init__(name="text_places")
        pieces = _pieces(np.array(texts, object))
        of_pieces = (tf.strings.to_hash_bucket_fast(piece, _HASHES).numpy() for piece in pieces)
        hashes = np.concatenate([np.zeros(0, np.int64), *of_pieces])
        self.order = np.argsort(hashes, kind="stable")
        self._most_equal = int(np.unique(hashes, return_counts=True)[1].max(initial=1))
        ordered = _pieces(np.array(texts, object)[self.order])
        self._texts = big_variables.make((len(texts) + 1,), tf.string, ordered, name="text")
        keys = tf.constant(np.append(hashes[self.order], _HASHES), tf.int64)
        self._hashes = tf.Variable(keys, trainable=False, name="hash")

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """The places <int32>[n] of texts <string>[n]; -1 of one that is not there."""
        first = tf.searchsorted(self._hashes, tf.strings.to_hash_bucket_fast(texts, _HASHES))
        place = first[:, tf.newaxis] + tf.range(self._most_equal)
        place = tf.minimum(place, len(self.order))
        is_it = (tf.gather(self._texts, place) == texts[:, tf.newaxis]) & (place < len(self.order))
        return tf.reduce_max(tf.where(is_it, place, -1), axis=1)


def _pieces(texts: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(texts), _PIECE):
        yield texts[start : start + _PIECE]
