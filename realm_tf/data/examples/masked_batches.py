# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Batches of pre-training: masked sentences, and the blocks to read for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from realm_tf import config, types
from realm_tf.data import sampling
from realm_tf.data.blocks import table as block_table
from realm_tf.data.examples import masking
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib

Retrieve = Callable[[types.EncoderInputs, int], types.RetrievedBlocks]
Mode = Literal["retrieved", "null", "own", "other"]

_OVER_FETCH = 8  # blocks searched beyond those read, to replace the ones that are removed
_NULL_ROW = -1


def search_depth(pretrain: config.PretrainConfig) -> int:
    """How many blocks a batch searches for, for each of its queries."""
    return pretrain.num_candidates - 1 + _OVER_FETCH


class MaskedBatch(NamedTuple):
    """Masked queries, and their candidates: the null block first, then what was retrieved.

    Attributes:
      query: EncoderInputs <int32>[batch_size, query_length].
      blocks: EncoderInputs <int32>[batch_size, num_candidates, block_length].
      joint: EncoderInputs <int32>[batch_size, num_candidates, query_length + block_length].
      candidate_mask: <int32>[batch_size, num_candidates], 0 where too few were retrieved.
      candidate_rows: <int64>[batch_size, num_candidates] rows of the knowledge table (of the
        passages in the modes "own" and "other"); -1 for the null block and where padded.
      mask_positions: <int32>[batch_size, max_masks] places of the [MASK]s in query and joint alike.
      mask_targets: <int32>[batch_size, max_masks] the wordpieces that stood there.
      mask_weights: <float32>[batch_size, max_masks], 0 where padded.
      snapshot_step: <int64>[batch_size] step of the snapshot that was searched; -1 if none was.
      step: <int64>[batch_size] the trainer's step that takes the batch, which is its index.
    """

    query: types.EncoderInputs
    blocks: types.EncoderInputs
    joint: types.EncoderInputs
    candidate_mask: np.ndarray
    candidate_rows: np.ndarray
    mask_positions: np.ndarray
    mask_targets: np.ndarray
    mask_weights: np.ndarray
    snapshot_step: np.ndarray
    step: np.ndarray


class MaskedBatches:
    """A pure function from batch index (and a snapshot's search) to masked-span batch.

    Candidate 0 is the null block; the others are retrieved, best first. A block that holds the
    query's own text (same document, overlapping bytes) would give the answer away and is removed
    (paper section 3.4, "prohibiting trivial retrievals"; its own code compares hashes alone). Where
    passages come from another corpus, or documents have changed since they were marked, ids say
    little: then so is a block that holds the sentence.

    Args:
      passages: Table that the examples are masked in.
      knowledge: Table that the retrieved rows belong to; may be `passages`.
      tokenizer: Tokenizer that both tables were made with.
      pretrain_config: Batch size, query length, number of candidates and masks.
      block_length: Wordpieces of a packed block.
      seed: Seed of the run.
      spans: Numbers of the spans to mask, <int64>[any]; see `masking.eligible_spans`.
      template: Template of packed blocks; see `packing.pack_blocks`. The reader sees no
        title in any case.
      batch_size: Examples of a batch, if not as many as the configuration says.
      stage: Name of the random stream; another name is another order.

    Raises:
      UserError: If there is no span.
    """

    def __init__(
        self,
        passages: block_table.BlockTable,
        knowledge: block_table.BlockTable,
        tokenizer: tokenizer_lib.Tokenizer,
        pretrain_config: config.PretrainConfig,
        *,
        block_length: int,
        seed: int,
        spans: np.ndarray,
        template: str = packing.TITLE_BODY,
        batch_size: int | None = None,
        stage: str = "pretrain",
    ):
        self._passages, self._knowledge, self._tokenizer = passages, knowledge, tokenizer
        self._config, self._block_length, self._spans = pretrain_config, block_length, spans
        self._template = template
        self.batch_size = pretrain_config.batch_size if batch_size is None else batch_size
        self._sampler = sampling.EpochSampler(len(spans), seed=seed, stage=stage)

    def records(self, index: int) -> list[str]:
        """Names of what the batch `index` is made of, for messages."""
        spans = self._spans[self._sampler.batch(index, self.batch_size)].tolist()
        rows = np.array([self._passages.row_of_span(span) for span in spans], np.int64)
        blocks = self._passages.scalar("block_id", rows).tolist()
        return [f"span {s} of block {b}" for s, b in zip(spans, blocks, strict=True)]

    def make_batch(
        self,
        index: int,
        retrieve: Retrieve | None = None,
        *,
        mode: Mode = "retrieved",
        snapshot_step: int = -1,
        rows: slice = slice(None),
        knowledge: block_table.BlockTable | None = None,
    ) -> MaskedBatch:
        """Makes the batch `index`.

        Args:
          index: From 0.
          retrieve: The snapshot's search: packed queries and k to `RetrievedBlocks` of knowledge
            rows; needed in the mode "retrieved" only.
          mode: "retrieved"; or, for the readers' warm-up and with one candidate, "null" (the null
            block), "own" (the passage itself, unmasked) or "other" (that of another example).
          snapshot_step: Step of the snapshot that `retrieve` searches; travels in the batch.
          rows: Makes these rows of the batch alone; not in the mode "other".
          knowledge: Table that the retrieved rows belong to, where documents have changed since.
        """
        knowledge = self._knowledge if knowledge is None else knowledge
        examples = self._examples(index, rows)
        queries, query = self._pack_queries(examples)
        table = self._passages if mode in ("own", "other") else knowledge
        found, candidate_mask = self._candidates(examples, query, retrieve, mode, knowledge)
        fitting = queries.cut(self._config.query_length - packing.QUERY_SPECIALS)
        return MaskedBatch(
            query,
            *self._pack_candidates(table, fitting, found),
            candidate_mask,
            found,
            *_pack_masks(examples, self._config.max_masks),
            snapshot_step=np.full(len(examples), snapshot_step, np.int64),
            step=np.full(len(examples), index, np.int64),
        )

    def queries(self, index: int) -> types.EncoderInputs:
        """The packed queries of the batch `index`, as `retrieve` gets them."""
        return self._pack_queries(self._examples(index, slice(None)))[1]

    def _examples(self, index: int, rows: slice) -> list[masking.MaskedExample]:
        spans = self._spans[self._sampler.batch(index, self.batch_size)[rows]]
        return [masking.make(self._passages, s, self._tokenizer) for s in spans.tolist()]

    def _pack_queries(
        self, examples: Sequence[masking.MaskedExample]
    ) -> tuple[types.Ragged, types.EncoderInputs]:
        """Their wordpieces, uncut, and what an embedder reads of them."""
        queries = types.Ragged.of([e.query_ids for e in examples])
        return queries, packing.pack_queries(queries, self._config.query_length, self._tokenizer)

    def _candidates(
        self,
        examples: Sequence[masking.MaskedExample],
        query: types.EncoderInputs,
        retrieve: Retrieve | None,
        mode: Mode,
        knowledge: block_table.BlockTable,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rows <int64>[batch_size, num_candidates] and their mask <int32>."""
        null = np.full((len(examples), 1), _NULL_ROW, np.int64)
        if mode == "null":
            return null, np.ones_like(null, np.int32)
        if mode in ("own", "other"):
            own = np.array([[e.row] for e in examples], np.int64)
            return np.roll(own, mode == "other", axis=0), np.ones_like(own, np.int32)
        if retrieve is None:
            raise ValueError('The mode "retrieved" needs `retrieve`. Received: None.')
        wanted = self._config.num_candidates - 1
        found = np.asarray(retrieve(query, search_depth(self._config)).rows, np.int64)
        own = self._holds_own_text(examples, found, knowledge)
        rows = _first(found, (found >= 0) & ~own, wanted)
        mask = np.concatenate([np.ones_like(null), rows >= 0], axis=1, dtype=np.int32)
        return np.concatenate([null, rows], axis=1), mask

    def _holds_own_text(
        self,
        examples: Sequence[masking.MaskedExample],
        rows: np.ndarray,
        table: block_table.BlockTable,
    ) -> np.ndarray:
        """Whether a row's text overlaps the example's passage, <bool> of the shape of `rows`."""
        passages = self._passages
        own_row = np.array([[e.row] for e in examples], np.int64)
        limits = passages.scalar("doc_byte_limit", own_row)
        own = (
            (rows >= 0)
            & (table.scalar("doc_key", rows) == passages.scalar("doc_key", own_row))
            & (table.scalar("doc_byte_start", rows) < limits)
            & (table.scalar("doc_byte_limit", rows) > passages.scalar("doc_byte_start", own_row))
        )
        if passages.blocks == table.blocks:
            return own
        return own | self._holds_sentence(examples, rows, table)

    def _holds_sentence(
        self,
        examples: Sequence[masking.MaskedExample],
        rows: np.ndarray,
        table: block_table.BlockTable,
    ) -> np.ndarray:
        """Whether a row's text holds the example's sentence, <bool> of the shape of `rows`."""
        found = np.zeros(rows.shape, bool)
        for number, example in enumerate(examples):
            sentence = example.query_ids.copy()
            sentence[example.positions - 1] = example.targets
            for place in np.flatnonzero(rows[number] >= 0):
                body = table.token_ids(int(rows[number, place]))
                found[number, place] = contains(body, sentence)
        return found

    def _pack_candidates(
        self, table: block_table.BlockTable, queries: types.Ragged, rows: np.ndarray
    ) -> tuple[types.EncoderInputs, types.EncoderInputs]:
        """The candidates' `blocks` and `joint`; see `MaskedBatch`."""
        titles, bodies = (table.take(column, rows.ravel()) for column in ("title_ids", "token_ids"))
        joint_length = self._config.query_length + self._block_length
        blocks = packing.pack_blocks(
            titles, bodies, self._block_length, self._tokenizer, template=self._template
        )
        joint, _ = packing.pack_joint(
            queries.repeat(rows.shape[1]), bodies, joint_length, self._tokenizer
        )
        return packing.reshape(blocks, *rows.shape), packing.reshape(joint, *rows.shape)


def contains(values: np.ndarray, part: np.ndarray) -> bool:
    """Whether a masked span's wordpieces `part` stand in those of a block, `values`, as a whole.

    Args:
      values: <integer>[any], from 0 to 2**32.
      part: <integer>[any] of the same range; an empty one stands anywhere.
    """
    data, wanted = (np.asarray(ids).astype("<u4").tobytes() for ids in (values, part))
    place = data.find(wanted)
    while place % 4 and place >= 0:  # bytes that begin inside a value
        place = data.find(wanted, place + 1)
    return place >= 0


def _first(rows: np.ndarray, allowed: np.ndarray, count: int) -> np.ndarray:
    """The first `count` allowed entries of every row <int64>[n, count], in order, then -1."""
    padding = np.full((len(rows), count), _NULL_ROW, rows.dtype)
    rows = np.concatenate([np.where(allowed, rows, _NULL_ROW), padding], axis=1)
    order = np.argsort(rows < 0, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(rows, order, axis=1)


def _pack_masks(
    examples: Sequence[masking.MaskedExample], max_masks: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions, targets and weights; see `MaskedBatch`."""
    positions, targets = np.zeros((2, len(examples), max_masks), np.int32)
    weights = np.zeros((len(examples), max_masks), np.float32)
    for row, example in enumerate(examples):
        count = len(example.positions)
        positions[row, :count] = example.positions
        targets[row, :count] = example.targets
        weights[row, :count] = 1
    return positions, targets, weights
