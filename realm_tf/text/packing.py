# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Wordpieces into fixed-shape encoder inputs: the three layouts of REALM (paper section 3.2).

| input | layout | segment 1 |
|---|---|---|
| query | `[CLS] query [SEP]` | nothing |
| block | `[CLS] title [SEP] body [SEP]` | body and its [SEP] |
| block, template "body" | `[CLS] body [SEP]` | nothing |
| joint | `[CLS] query [SEP] body [SEP]` | body and its [SEP] |

The null block has neither title nor body: `[CLS] [SEP] [SEP]`. The template "body" (an option of
ours) is for embedders that were trained on texts without titles; their null block is `[CLS] [SEP]`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from realm_tf import types
from realm_tf.text import tokenizer as tokenizer_lib

_TRIM_STEP = 8  # wordpieces: few shapes, and what vector units like

QUERY_SPECIALS = 2  # [CLS] and [SEP]
PAIR_SPECIALS = 3  # [CLS] and two [SEP]

TITLE_BODY = "title_body"
BODY = "body"
_TEMPLATE_SPECIALS = {TITLE_BODY: PAIR_SPECIALS, BODY: QUERY_SPECIALS}


def block_size(title_length: int, body_length: int, template: str = TITLE_BODY) -> int:
    """Wordpieces of a packed block that nothing is cut off from, special tokens included.

    Args:
      title_length: Wordpieces of the title.
      body_length: Wordpieces of the body.
      template: "title_body" or "body".

    Raises:
      UserError: If the template is unknown.
    """
    if template not in _TEMPLATE_SPECIALS:
        raise types.UserError(
            f"A block template must be one of {', '.join(_TEMPLATE_SPECIALS)}. Received:"
            f" {template!r}."
        )
    read_of_title = title_length if template == TITLE_BODY else 0
    return read_of_title + body_length + _TEMPLATE_SPECIALS[template]


def pack_queries(
    queries: types.Ragged, length: int, tokenizer: tokenizer_lib.Tokenizer
) -> types.EncoderInputs:
    """Packs `[CLS] query [SEP]`; a query that does not fit loses its end.

    Args:
      queries: n rows of wordpieces, without special tokens.
      length: Wordpieces of a packed query, special tokens included.
      tokenizer: Gives the special ids.

    Returns:
      <int32>[n, length] each.
    """
    word_ids = _empty(len(queries), length, tokenizer)
    queries = queries.cut(length - QUERY_SPECIALS)
    limits = (1 + queries.lengths[:, None]).astype(np.int32)
    positions = np.arange(length, dtype=np.int32)
    word_ids[(positions >= 1) & (positions < limits)] = queries.values
    np.put_along_axis(word_ids, limits, tokenizer.sep_id, axis=1)
    return _inputs(word_ids, limits + 1, limits + 1)


def pack_texts(
    texts: Sequence[str], length: int, tokenizer: tokenizer_lib.Tokenizer
) -> types.EncoderInputs:
    """As `pack_queries`, of n texts that are still to be tokenized."""
    ids = [encoded.ids for encoded in tokenizer.encode(list(texts))]
    return pack_queries(types.Ragged.of(ids), length, tokenizer)


def unpack_queries(inputs: types.EncoderInputs) -> types.Ragged:
    """The wordpieces that `pack_queries` packed and did not cut off.

    Args:
      inputs: Packed queries, <int32>[n, length] each.
    """
    lengths = inputs.mask.sum(-1) - QUERY_SPECIALS
    rows = zip(inputs.word_ids, lengths.tolist(), strict=True)
    return types.Ragged.of([row[1 : 1 + length] for row, length in rows])


def pack_blocks(
    titles: types.Ragged,
    bodies: types.Ragged,
    length: int,
    tokenizer: tokenizer_lib.Tokenizer,
    *,
    template: str = TITLE_BODY,
) -> types.EncoderInputs:
    """Packs `[CLS] title [SEP] body [SEP]`; a body that does not fit loses its end.

    Args:
      titles: n rows of wordpieces, without special tokens.
      bodies: Wordpieces of the bodies, as many rows.
      length: Wordpieces of a packed block, special tokens included.
      tokenizer: Gives the special ids.
      template: "title_body", or "body" for `[CLS] body [SEP]`.

    Returns:
      <int32>[n, length] each.

    Raises:
      UserError: If the template is unknown.
    """
    block_size(0, 0, template)  # checks
    if template == BODY:
        return pack_queries(bodies, length, tokenizer)
    return _pack_pairs(titles, bodies, length, tokenizer)[0]


def pack_joint(
    queries: types.Ragged,
    bodies: types.Ragged,
    length: int,
    tokenizer: tokenizer_lib.Tokenizer,
) -> tuple[types.EncoderInputs, np.ndarray]:
    """Packs `[CLS] query [SEP] body [SEP]`; a body that does not fit loses its end.

    Args:
      queries: n rows of wordpieces, without special tokens. Their positions are the
        same as in `pack_queries` if they were cut to fit there.
      bodies: Wordpieces of the bodies, as many rows.
      length: Wordpieces of the packed pair, special tokens included.
      tokenizer: Gives the special ids.

    Returns:
      <int32>[n, length] each, and body_start <int32>[n], the position of the first body token.
    """
    return _pack_pairs(queries, bodies, length, tokenizer)


def bucket_lengths(sizes: np.ndarray, length: int, step: int) -> np.ndarray:
    """Lengths to pad packed inputs to, so that there are few shapes and little padding.

    Args:
      sizes: <int>[...] wordpieces of packed inputs, special tokens included.
      length: The longest that a packed input may be.
      step: The granularity of the lengths.

    Returns:
      <int64>[...] sizes rounded up to a multiple of `step`, at most `length`.
    """
    return np.minimum(-(-np.asarray(sizes, np.int64) // step) * step, length)


def trim(inputs: types.EncoderInputs, step: int = _TRIM_STEP) -> types.EncoderInputs:
    """Cuts packed encoder inputs behind their longest row, where all rows are padding.

    Args:
      inputs: Packed inputs, <int32>[..., length] each, with at least one row.
      step: The granularity of the lengths that are left.

    Returns:
      The same rows, <int32>[..., length of the longest, rounded up to a multiple of `step`, but no
      longer than they were].
    """
    longest = inputs.mask.sum(-1).max()
    length = int(bucket_lengths(longest, inputs.mask.shape[-1], step))
    return types.EncoderInputs(*(array[..., :length] for array in inputs))


def body_limits(inputs: types.EncoderInputs) -> np.ndarray:
    """One past the last body token of packed pairs, <int32>[n]: the position of the last [SEP]."""
    return inputs.mask.sum(-1, dtype=np.int32) - 1


def reshape(inputs: types.EncoderInputs, *leading: int) -> types.EncoderInputs:
    """Inputs [n, length] as [*leading, length]."""
    return types.EncoderInputs(*(array.reshape(*leading, -1) for array in inputs))


def _pack_pairs(
    firsts: types.Ragged, seconds: types.Ragged, length: int, tokenizer: tokenizer_lib.Tokenizer
) -> tuple[types.EncoderInputs, np.ndarray]:
    if len(firsts) != len(seconds):
        raise ValueError(
            f"Pairs need as many seconds as firsts. Received: {len(firsts)} firsts and"
            f" {len(seconds)} seconds."
        )
    word_ids = _empty(len(firsts), length, tokenizer)
    firsts = firsts.cut(length - PAIR_SPECIALS)
    starts = (2 + firsts.lengths).astype(np.int32)
    seconds = seconds.cut(length - 1 - starts)
    limits = (starts + seconds.lengths).astype(np.int32)[:, None]
    positions, begins = np.arange(length, dtype=np.int32), starts[:, None]
    # Rows of a mask are filled in the order of the flat values.
    word_ids[(positions >= 1) & (positions < begins - 1)] = firsts.values
    word_ids[(positions >= begins) & (positions < limits)] = seconds.values
    np.put_along_axis(word_ids, np.concatenate([begins - 1, limits], 1), tokenizer.sep_id, axis=1)
    return _inputs(word_ids, begins, limits + 1), starts


def _empty(count: int, length: int, tokenizer: tokenizer_lib.Tokenizer) -> np.ndarray:
    if length < PAIR_SPECIALS:
        raise types.UserError(
            f"A packed input needs at least {PAIR_SPECIALS} wordpieces for its special tokens."
            f" Received a length of {length}."
        )
    word_ids = np.full((count, length), tokenizer.pad_id, np.int32)
    word_ids[:, 0] = tokenizer.cls_id
    return word_ids


def _inputs(word_ids: np.ndarray, seconds: np.ndarray, limits: np.ndarray) -> types.EncoderInputs:
    """Adds masks: `seconds` <int32>[n, 1] is where segment 1 starts, `limits` where a row ends."""
    positions = np.arange(word_ids.shape[1], dtype=np.int32)
    mask = positions < limits
    second = mask & (positions >= seconds)
    return types.EncoderInputs(word_ids, mask.astype(np.int32), second.astype(np.int32))
