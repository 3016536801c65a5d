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
    queries: Sequence[np.ndarray], length: int, tokenizer: tokenizer_lib.Tokenizer
) -> types.EncoderInputs:
    """Packs `[CLS] query [SEP]`; a query that does not fit loses its end.

    Args:
      queries: n arrays <int>[any] of wordpieces, without special tokens.
      length: Of the packed query, special tokens included.
      tokenizer: Gives the special ids.

    Returns:
      <int32>[n, length] each.
    """
    word_ids = _empty(len(queries), length, tokenizer)
    limits = np.zeros(len(queries), np.int32)
    for row, query in enumerate(queries):
        limit = 1 + min(len(query), length - QUERY_SPECIALS)
        word_ids[row, 1:limit] = query[: limit - 1]
        word_ids[row, limit] = tokenizer.sep_id
        limits[row] = limit + 1
    return _inputs(word_ids, limits, limits)


def pack_blocks(
    titles: Sequence[np.ndarray],
    bodies: Sequence[np.ndarray],
    length: int,
    tokenizer: tokenizer_lib.Tokenizer,
    *,
    template: str = TITLE_BODY,
) -> types.EncoderInputs:
    """Packs `[CLS] title [SEP] body [SEP]`; a body that does not fit loses its end.

    Args:
      titles: n arrays <int>[any] of wordpieces, without special tokens.
      bodies: As many.
      length: Of the packed block, special tokens included.
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
    queries: Sequence[np.ndarray],
    bodies: Sequence[np.ndarray],
    length: int,
    tokenizer: tokenizer_lib.Tokenizer,
) -> tuple[types.EncoderInputs, np.ndarray]:
    """Packs `[CLS] query [SEP] body [SEP]`; a body that does not fit loses its end.

    Args:
      queries: n arrays <int>[any] of wordpieces, without special tokens. Their positions are the
        same as in `pack_queries` if they were cut to fit there.
      bodies: As many.
      length: Of the packed pair, special tokens included.
      tokenizer: Gives the special ids.

    Returns:
      <int32>[n, length] each, and body_start <int32>[n], the position of the first body token.
    """
    return _pack_pairs(queries, bodies, length, tokenizer)


def body_limits(inputs: types.EncoderInputs) -> np.ndarray:
    """One past the last body token of packed pairs, <int32>[n]: the position of the last [SEP]."""
    return inputs.mask.sum(-1, dtype=np.int32) - 1


def reshape(inputs: types.EncoderInputs, *leading: int) -> types.EncoderInputs:
    """Inputs [n, length] as [*leading, length]."""
    return types.EncoderInputs(*(array.reshape(*leading, -1) for array in inputs))


def _pack_pairs(
    firsts: Sequence[np.ndarray],
    seconds: Sequence[np.ndarray],
    length: int,
    tokenizer: tokenizer_lib.Tokenizer,
) -> tuple[types.EncoderInputs, np.ndarray]:
    word_ids = _empty(len(firsts), length, tokenizer)
    starts, limits = np.zeros((2, len(firsts)), np.int32)
    sep_id = tokenizer.sep_id
    for row, (first, second) in enumerate(zip(firsts, seconds, strict=True)):
        start = 2 + min(len(first), length - PAIR_SPECIALS)
        limit = min(start + len(second), length - 1)
        ids = word_ids[row]
        ids[1 : start - 1] = first[: start - 2]
        ids[start - 1] = sep_id
        ids[start:limit] = second[: limit - start]
        ids[limit] = sep_id
        starts[row], limits[row] = start, limit + 1
    return _inputs(word_ids, starts, limits), starts


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
    positions = np.arange(word_ids.shape[1], dtype=np.int32)
    mask = positions < limits[:, None]
    second = mask & (positions >= seconds[:, None])
    return types.EncoderInputs(word_ids, mask.astype(np.int32), second.astype(np.int32))
