# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Packs wordpieces inside the served graph, as `realm_tf.text.packing` does on the host.

The two give the same inputs, wordpiece for wordpiece. TF.Text's trimmers are not used, because
many releases of TF Serving lack their ops.
"""

from __future__ import annotations

import tensorflow as tf

from realm_tf import types
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib


def pack_queries(
    queries: tf.RaggedTensor, length: int, tokenizer: tokenizer_lib.Tokenizer
) -> types.EncoderInputs:
    """In the served graph: packs `[CLS] query [SEP]`; a query that does not fit loses its end.

    Args:
      queries: Wordpieces without special tokens, ragged <int32>[n, (any)].
      length: Length of the packed query, special tokens included.
      tokenizer: Tokenizer that knows the ids of the special tokens.

    Returns:
      The packed queries, each tensor <int32>[n, length].
    """
    queries = queries[:, : length - packing.QUERY_SPECIALS]
    cls, sep = _special_columns(queries, tokenizer)
    packed = tf.concat([cls, queries, sep], axis=1)
    return _inputs(packed, packed.row_lengths(), length, tokenizer)


def pack_joint(
    queries: tf.RaggedTensor,
    bodies: tf.RaggedTensor,
    length: int,
    tokenizer: tokenizer_lib.Tokenizer,
) -> tuple[types.EncoderInputs, tf.Tensor]:
    """In the served graph: packs `[CLS] query [SEP] body [SEP]`; a long body loses its end.

    Args:
      queries: Wordpieces without special tokens, ragged <int32>[n, (any)].
      bodies: Wordpieces of the bodies, one for each query, ragged <int32>[n, (any)].
      length: Length of the packed pair, special tokens included.
      tokenizer: Tokenizer that knows the ids of the special tokens.

    Returns:
      The packed pairs, each tensor <int32>[n, length], and the position of the first body token,
      <int64>[n].
    """
    queries = queries[:, : length - packing.PAIR_SPECIALS]
    bodies = _trim(bodies, length - packing.PAIR_SPECIALS - queries.row_lengths())
    cls, sep = _special_columns(queries, tokenizer)
    packed = tf.concat([cls, queries, sep, bodies, sep], axis=1)
    body_start = queries.row_lengths() + packing.QUERY_SPECIALS
    return _inputs(packed, body_start, length, tokenizer), body_start


def body_mask(inputs: types.EncoderInputs, body_start: tf.Tensor) -> tf.Tensor:
    """In the served graph: mask of packed pairs, 1 at the body's wordpieces and 0 at its [SEP].

    <int32>[n, length].
    """
    length = tf.shape(inputs.mask)[-1]
    body_limit = tf.reduce_sum(inputs.mask, axis=-1) - 1
    until_limit = tf.sequence_mask(body_limit, length, dtype=tf.int32)
    return until_limit - tf.sequence_mask(body_start, length, dtype=tf.int32)


def trim(inputs: types.EncoderInputs) -> types.EncoderInputs:
    """In the served graph: cuts packed inputs behind the longest; one column or more stays.

    <int32>[n, length] each.
    """
    sizes = tf.reduce_sum(inputs.mask, axis=-1)
    longest = tf.reduce_max(tf.concat([sizes, [1]], 0))
    return types.EncoderInputs(*(x[:, :longest] for x in inputs))


def _trim(ragged: tf.RaggedTensor, lengths: tf.Tensor) -> tf.RaggedTensor:
    starts = ragged.row_starts()
    index = tf.ragged.range(starts, starts + tf.minimum(ragged.row_lengths(), lengths))
    return index.with_flat_values(tf.gather(ragged.flat_values, index.flat_values))


def _special_columns(
    like: tf.RaggedTensor, tokenizer: tokenizer_lib.Tokenizer
) -> tuple[tf.Tensor, tf.Tensor]:
    shape = [like.nrows(), 1]
    return tf.fill(shape, tokenizer.cls_id), tf.fill(shape, tokenizer.sep_id)


def _inputs(
    packed: tf.RaggedTensor, seconds: tf.Tensor, length: int, tokenizer: tokenizer_lib.Tokenizer
) -> types.EncoderInputs:
    word_ids = packed.to_tensor(default_value=tokenizer.pad_id, shape=[None, length])
    mask = tf.sequence_mask(packed.row_lengths(), length, dtype=tf.int32)
    second = mask - tf.sequence_mask(seconds, length, dtype=tf.int32)
    return types.EncoderInputs(word_ids, mask, second)
