# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Search among some rows of an index that knows nothing of them: deeper, and at last exactly.

What an index finds is sifted. It is searched so deep that k of what it finds should be allowed, and
where they are fewer, which is seen for each query, deeper still. Once it would be searched deeper
than there are allowed rows, scoring all of these is cheaper: so a restriction to few rows is
searched exactly at once, and k rows are found whenever k are allowed.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from realm_tf import types
from realm_tf.retrieval import exact_search

_SPARE = 16  # of what is near to a query, more may be left out than elsewhere
_DEVIATIONS = 3


def search(
    queries: np.ndarray,
    k: int,
    *,
    find: Callable[[np.ndarray, int], types.RetrievedBlocks],
    num_rows: int,
    place_of: Callable[[np.ndarray], np.ndarray],
    num_allowed: int,
    exactly: Callable[[np.ndarray], types.RetrievedBlocks],
) -> types.RetrievedBlocks:
    """Searches for the best k allowed rows of each query.

    Args:
      queries: <float32>[batch_size, embed_dim].
      k: Number of columns of the result.
      find: Searches all rows: (queries, depth) to rows.
      num_rows: Number of rows that it searches.
      place_of: Rows <int64>[...] that were found to what stands for them in the result, -1 for
        those that are not allowed.
      num_allowed: Number of rows that are allowed.
      exactly: Searches the allowed rows exactly, for the best k of some queries, and returns what
        stands for them.

    Returns:
      Best first, equal scores by row; -1 and -inf where fewer than k rows are allowed.
    """
    result = exact_search.nothing(len(queries), k)
    wanted = min(k, num_allowed)
    if not wanted or not len(queries):
        return result
    depth = _depth(wanted, num_rows, num_allowed)
    short = np.arange(len(queries))
    while len(short):
        if depth > num_allowed:
            part = exactly(queries[short])
        else:
            part = _sifted(find(queries[short], depth), place_of, k)
        result.rows[short], result.scores[short] = part.rows, part.scores
        if depth > num_allowed:
            break
        short = short[np.count_nonzero(part.rows >= 0, axis=1) < wanted]
        depth *= 2
    return result


def _depth(wanted: int, num_rows: int, num_allowed: int) -> int:
    """How many rows to look at, if the allowed ones are spread evenly, so that most queries do."""
    share = num_allowed / num_rows
    deviation = math.sqrt(wanted * (1 - share))
    spare = min(num_rows - num_allowed, _SPARE)
    return math.ceil((wanted + _DEVIATIONS * deviation) / share) + spare


def _sifted(
    found: types.RetrievedBlocks, place_of: Callable[[np.ndarray], np.ndarray], k: int
) -> types.RetrievedBlocks:
    """The best k allowed rows of what was found, padded to k."""
    rows = np.where(found.rows < 0, -1, place_of(np.maximum(found.rows, 0)))
    scores = np.where(rows < 0, np.float32(-np.inf), found.scores)
    sifted = types.RetrievedBlocks(rows, scores)
    return exact_search.merge([sifted, exact_search.nothing(len(rows), k)], k)
