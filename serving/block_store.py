# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The block store of the served model: texts and wordpieces of all blocks as graph variables.

Variables and not constants, because a graph may hold 2 GB at most, and because a SavedModel
stores variables apart from its graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from realm_tf.data.blocks import table as block_table
from serving import graph_packing


class BlockStore(tf.Module):
    """The block store: texts and wordpieces of a table's blocks, in the order of its rows.

    Args:
      table: Table of the blocks of the knowledge corpus.
    """

    def __init__(self, table: block_table.BlockTable):
        super().__init__(name="blocks")
        self.num_blocks = len(table)
        tokens = table.ragged("token_ids")
        self._token_ids = _constant(tokens.values)
        self._token_offsets = _constant(tokens.offsets.astype(np.int64))
        # One more entry than there are tokens: where the bytes of "no token" are read.
        starts, limits = (table.ragged(f"token_byte_{end}").values for end in ("start", "limit"))
        self._byte_start = _constant(np.append(starts.astype(np.int32), np.int32(0)))
        self._byte_limit = _constant(np.append(limits.astype(np.int32), np.int32(0)))
        self._block_id = _constant([str(i) for i in table.block_ids.tolist()])
        self._doc_id = _constant(_column(table.doc_id, self.num_blocks))
        self._title = _constant(_column(table.title, self.num_blocks))
        self._text = _constant(_column(table.text, self.num_blocks))

    def token_ids(self, rows: tf.Tensor) -> tf.RaggedTensor:
        """Looks up the wordpieces <int32>[n, (body_length)] of the blocks in rows <int64>[n]."""
        ids = graph_packing.gather_rows(self._token_ids, self._token_offsets, rows)
        return tf.cast(ids, tf.int32)

    def byte_range(
        self, rows: tf.Tensor, first: tf.Tensor, last: tf.Tensor, valid: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Looks up the bytes of spans of wordpieces.

        Args:
          rows: Rows of the blocks, <int64>[...].
          first: First wordpiece, counted in the body of the block, <int64>[...].
          last: Last wordpiece, included, <int64>[...].
          valid: False where there is no span, <bool>[...].

        Returns:
          Byte start and limit in the text of the block, <int32>[...]; 0 and 0 where not valid.
        """
        offsets = tf.gather(self._token_offsets, rows)
        nothing = tf.size(self._byte_start, out_type=tf.int64) - 1
        start = tf.gather(self._byte_start, tf.where(valid, offsets + first, nothing))
        limit = tf.gather(self._byte_limit, tf.where(valid, offsets + last, nothing))
        return start, limit

    def cite(self, rows: tf.Tensor, valid: tf.Tensor) -> dict[str, tf.Tensor]:
        """Looks up the provenance <string>[...] of rows <int64>[...]; empty where not valid."""
        columns = {
            "block_id": self._block_id,
            "doc_id": self._doc_id,
            "title": self._title,
            "block_text": self._text,
        }
        return {
            name: tf.where(valid, tf.gather(column, rows), "") for name, column in columns.items()
        }


def _column(value_of: Callable[[int], str], num_rows: int) -> list[str]:
    return [value_of(row) for row in range(num_rows)]


def _constant(values: np.ndarray | Sequence[str]) -> tf.Variable:
    return tf.Variable(values, trainable=False)
