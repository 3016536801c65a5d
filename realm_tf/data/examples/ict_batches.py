# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Batches of the inverse-cloze warm start."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.data import sampling
from realm_tf.data.blocks import table as block_table
from realm_tf.data.examples import ict
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib


class IctBatch(NamedTuple):
    """Queries and their blocks; block i is the one that query i was taken from.

    Attributes:
      query: EncoderInputs <int32>[batch_size, query_length].
      block: EncoderInputs <int32>[batch_size, block_length].
    """

    query: types.EncoderInputs
    block: types.EncoderInputs


class IctBatches:
    """A pure function from batch index to inverse-cloze batch.

    Args:
      table: Blocks.
      tokenizer: Tokenizer that the table was made with.
      ict_config: Batch size, query length and how often the query stays in its block.
      block_length: Wordpieces of a packed block.
      seed: Seed of the run.
      template: Template of packed blocks; see `packing.pack_blocks`.

    Raises:
      UserError: If no block is eligible.
    """

    def __init__(
        self,
        table: block_table.BlockTable,
        tokenizer: tokenizer_lib.Tokenizer,
        ict_config: config_lib.IctConfig,
        *,
        block_length: int,
        seed: int,
        template: str = packing.TITLE_BODY,
    ):
        self._table, self._tokenizer, self._config = table, tokenizer, ict_config
        self._block_length, self._template, self._seed = block_length, template, seed
        self._rows = ict.eligible_rows(table)
        self._sampler = sampling.EpochSampler(len(self._rows), seed=seed, stage="ict")

    def records(self, index: int) -> list[str]:
        """Names of what the batch `index` is made of, for messages."""
        return [f"block {n}" for n in self._table.scalar("block_id", self._rows_of(index))]

    def _rows_of(self, index: int) -> np.ndarray:
        return self._rows[self._sampler.batch(index, self._config.batch_size)]

    def make_batch(self, index: int) -> IctBatch:
        """Makes the batch `index`."""
        rng = sampling.generator(self._seed, "ict/sentence", index)
        rows = self._rows_of(index)
        keep = self._config.keep_probability
        examples = [ict.make(self._table, row, rng, keep_probability=keep) for row in rows.tolist()]
        queries, titles, bodies = (
            types.Ragged.of(ids) for ids in zip(*(e[:3] for e in examples), strict=True)
        )
        return IctBatch(
            packing.pack_queries(queries, self._config.query_length, self._tokenizer),
            packing.pack_blocks(
                titles, bodies, self._block_length, self._tokenizer, template=self._template
            ),
        )
