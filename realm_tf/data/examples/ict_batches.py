# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Batches of the inverse-cloze warm start."""

from __future__ import annotations

import numpy as np

from realm_tf import config, types
from realm_tf.data import sampling
from realm_tf.data.blocks import table as block_table
from realm_tf.data.examples import ict
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib


class IctBatches:
    """A pure function from batch index to inverse-cloze batch.

    Args:
      table: Blocks.
      tokenizer: That the table was made with.
      cfg: Batch size, query length and how often the query stays in its block.
      block_length: Of a packed block.
      seed: Of the run.
      template: Of packed blocks; see `packing.pack_blocks`.
      rows: Rows to make examples of, <int64>[any]; by default all that `ict.eligible_rows` gives.
      stage: Name of the random stream; another name is another order.

    Raises:
      UserError: If no block is eligible.
    """

    def __init__(
        self,
        table: block_table.BlockTable,
        tokenizer: tokenizer_lib.Tokenizer,
        cfg: config.IctConfig,
        *,
        block_length: int,
        seed: int,
        template: str = packing.TITLE_BODY,
        rows: np.ndarray | None = None,
        stage: str = "ict",
    ):
        self._table, self._tokenizer, self._cfg = table, tokenizer, cfg
        self._block_length, self._template = block_length, template
        self._seed, self._stage = seed, stage
        self._rows = ict.eligible_rows(table) if rows is None else rows
        self._sampler = sampling.EpochSampler(len(self._rows), seed=seed, stage=stage)

    def make_batch(self, index: int) -> types.Batch:
        """Makes the batch `index`.

        Returns:
          `query`: EncoderInputs <int32>[batch_size, query_length].
          `block`: EncoderInputs <int32>[batch_size, block_length]; row i is query i's block.
        """
        rng = sampling.generator(self._seed, f"{self._stage}/sentence", index)
        rows = self._rows[self._sampler.batch(index, self._cfg.batch_size)]
        keep = self._cfg.keep_probability
        examples = [ict.make(self._table, row, rng, keep_probability=keep) for row in rows.tolist()]
        queries, titles, bodies = zip(*(e[:3] for e in examples), strict=True)
        return {
            "query": packing.pack_queries(queries, self._cfg.query_length, self._tokenizer),
            "block": packing.pack_blocks(
                titles, bodies, self._block_length, self._tokenizer, template=self._template
            ),
        }
