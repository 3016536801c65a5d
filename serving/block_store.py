# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The block store of the served model: ids, titles, texts and metadata of all blocks.

They are variables and not constants, because a graph may hold 2 GB at most, and because a
SavedModel stores variables apart from its graph. Wordpieces are not kept: the few texts that are
read are tokenized again, which costs next to nothing beside reading them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from realm_tf.data.blocks import table as block_table
from serving import big_variables

_TEXTS = {"doc_id": "doc_id", "title": "title", "block_text": "text", "metadata": "metadata"}


class BlockStore(tf.Module):
    """The block store: what is cited of a table's blocks, in the order of its rows.

    Args:
      table: Table of the blocks of the knowledge corpus.
    """

    def __init__(self, table: block_table.BlockTable):
        super().__init__(name="blocks")
        self._block_id = tf.Variable(table.block_ids, trainable=False, name="block_id")
        self._texts = {name: _column(table, column) for name, column in _TEXTS.items()}

    def cite(self, rows: tf.Tensor, valid: tf.Tensor) -> dict[str, tf.Tensor]:
        """Looks up blocks.

        Args:
          rows: Rows of the blocks, <int64>[...].
          valid: False where there is no block, <bool>[...].

        Returns:
          `block_id` (a decimal number: JSON rounds large integers), `doc_id`, `title`, `block_text`
          and `metadata`, all <string>[...]; empty where not valid.
        """
        rows = tf.where(valid, rows, 0)
        found = {"block_id": tf.strings.as_string(tf.gather(self._block_id, rows))}
        found |= {name: tf.gather(column, rows) for name, column in self._texts.items()}
        return {name: tf.where(valid, value, "") for name, value in found.items()}


def _column(table: block_table.BlockTable, column: str) -> tf.Variable:
    return big_variables.make((len(table),), tf.string, _pieces(table, column), name=column)


def _pieces(table: block_table.BlockTable, column: str) -> Iterator[np.ndarray]:
    for chunk in table.chunks():
        texts = chunk.ragged(column)
        yield np.array([row.tobytes() for row in texts.rows()], object)
