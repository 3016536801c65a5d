# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The wordpieces of a block that a span of its bytes covers, if a model can predict them."""

from __future__ import annotations

import numpy as np

from realm_tf import types

UNKNOWN_WORDPIECE = "unknown_wordpiece"
INSIDE_WORDPIECE = "inside_wordpiece"


def locate(
    block: types.Block, byte_start: int, byte_limit: int, label: str, unk_id: int
) -> types.Span | str:
    """The salient span of a block's bytes, as wordpieces.

    Args:
      block: The block that holds the span.
      byte_start: First byte of the span in the block's text (UTF-8).
      byte_limit: One past the last byte of the span.
      label: What the span is, e.g. "NAME" or "DATE".
      unk_id: Id of the unknown wordpiece. A span that holds one cannot be predicted.

    Returns:
      The span; or the reason why it is left out: `INSIDE_WORDPIECE` if it does not begin and end
      where wordpieces begin and end, `UNKNOWN_WORDPIECE` if it holds the unknown wordpiece.
    """
    first = int(np.searchsorted(block.token_byte_start, byte_start))
    limit = int(np.searchsorted(block.token_byte_limit, byte_limit, side="right"))
    if not _is_aligned(block, first, limit, byte_start, byte_limit):
        return INSIDE_WORDPIECE
    if unk_id in block.token_ids[first:limit]:
        return UNKNOWN_WORDPIECE
    return types.Span(byte_start, byte_limit, first, limit, label)


def _is_aligned(
    block: types.Block, first: int, limit: int, byte_start: int, byte_limit: int
) -> bool:
    return (
        first < limit
        and block.token_byte_start[first] == byte_start
        and block.token_byte_limit[limit - 1] == byte_limit
    )
