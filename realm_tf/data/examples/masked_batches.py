# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Batches of pre-training: masked sentences, and the blocks to read for them."""

from __future__ import annotations

import collections
import threading
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from realm_tf import config, types
from realm_tf.data import sampling
from realm_tf.data.blocks import ragged
from realm_tf.data.blocks import table as block_table
from realm_tf.data.examples import masking
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib

Retrieve = Callable[[types.EncoderInputs, int], types.RetrievedBlocks]
Mode = Literal["retrieved", "null", "own", "other"]

_OVER_FETCH = 8  # blocks searched beyond those read, to replace the ones that are removed
_NULL_ROW = -1


class MaskedBatches:
    """A pure function from batch index (and a snapshot's search) to masked-span batch.

    Candidate 0 is the null block; the others are retrieved, best first. A block that holds the
    query's own text (same document, overlapping bytes) would give the answer away and is removed
    (paper section 3.4, "prohibiting trivial retrievals"; its own code compares hashes alone). Where
    passages come from another corpus, ids say little: then so is a block that holds the sentence.

    Args:
      passages: Table that the examples are masked in.
      knowledge: Table that the retrieved rows belong to; may be `passages`.
      tokenizer: That both tables were made with.
      cfg: Batch size, query length, number of candidates and masks.
      block_length: Of a packed block.
      seed: Of the run.
      spans: Numbers of the spans to mask, <int64>[any]; see `masking.eligible_spans`.
      template: Of packed blocks; see `packing.pack_blocks`. The reader sees no title in any case.
      batch_size: Instead of the configuration's.
      stage: Name of the random stream; another name is another order.

    Attributes:
      counters: Since the start: `examples`, `removed` (retrieved blocks with the query's own text)
        and `missing` (candidates that had to be padded). For logging: nothing depends on them.

    Raises:
      UserError: If there is no span.
    """

    def __init__(
        self,
        passages: block_table.BlockTable,
        knowledge: block_table.BlockTable,
        tokenizer: tokenizer_lib.Tokenizer,
        cfg: config.PretrainConfig,
        *,
        block_length: int,
        seed: int,
        spans: np.ndarray,
        template: str = packing.TITLE_BODY,
        batch_size: int | None = None,
        stage: str = "pretrain",
    ):
        self._passages, self._knowledge, self._tokenizer = passages, knowledge, tokenizer
        self._cfg, self._block_length, self._spans = cfg, block_length, spans
        self._template = template
        self.batch_size = cfg.batch_size if batch_size is None else batch_size
        self._sampler = sampling.EpochSampler(len(spans), seed=seed, stage=stage)
        self.counters: collections.Counter[str] = collections.Counter()
        self._counting = threading.Lock()  # batches are made in several threads

    def make_batch(
        self,
        index: int,
        retrieve: Retrieve | None = None,
        *,
        mode: Mode = "retrieved",
        snapshot_step: int = -1,
    ) -> types.Batch:
        """Makes the batch `index`.

        Args:
          index: From 0.
          retrieve: The snapshot's search: packed queries and k to `RetrievedBlocks` of knowledge
            rows; needed in the mode "retrieved" only.
          mode: "retrieved"; or, for the readers' warm-up and with one candidate, "null" (the null
            block), "own" (the passage itself, unmasked) or "other" (that of another example).
          snapshot_step: Of the snapshot that `retrieve` searches; travels in the batch.

        Returns:
          `query`: EncoderInputs <int32>[batch_size, query_length].
          `blocks`: EncoderInputs <int32>[batch_size, num_candidates, block_length].
          `joint`: EncoderInputs <int32>[batch_size, num_candidates, query_length + block_length].
          `candidate_mask`: <int32>[batch_size, num_candidates], 0 where too few were retrieved.
          `candidate_rows`: <int64>[batch_size, num_candidates] of the knowledge table (of the
            passages in the modes "own" and "other"); -1 for the null block and where padded.
          `mask_positions`, `mask_targets`: <int32>[batch_size, max_masks] in query and joint alike.
          `mask_weights`: <float32>[batch_size, max_masks], 0 where padded.
          `snapshot_step`: <int64>[batch_size].
        """
        spans = self._spans[self._sampler.batch(index, self.batch_size)]
        examples = [masking.make(self._passages, s, self._tokenizer) for s in spans.tolist()]
        length = self._cfg.query_length
        queries = [e.query_ids[: length - packing.QUERY_SPECIALS] for e in examples]
        query = packing.pack_queries(queries, length, self._tokenizer)
        table = self._passages if mode in ("own", "other") else self._knowledge
        rows, candidate_mask = self._candidates(examples, query, retrieve, mode)
        return {
            "query": query,
            **self._pack_candidates(table, queries, rows),
            "candidate_mask": candidate_mask,
            "candidate_rows": rows,
            **_pack_masks(examples, self._cfg.max_masks),
            "snapshot_step": np.full(self.batch_size, snapshot_step, np.int64),
        }

    def _candidates(
        self,
        examples: Sequence[masking.MaskedExample],
        query: types.EncoderInputs,
        retrieve: Retrieve | None,
        mode: Mode,
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
        wanted = self._cfg.num_candidates - 1
        found = np.asarray(retrieve(query, wanted + _OVER_FETCH).rows, np.int64)
        own = self._holds_own_text(examples, found)
        rows = _first(found, (found >= 0) & ~own, wanted)
        self._count(examples=len(rows), removed=own.sum(), missing=(rows < 0).sum())
        mask = np.concatenate([np.ones_like(null), rows >= 0], axis=1, dtype=np.int32)
        return np.concatenate([null, rows], axis=1), mask

    def _holds_own_text(
        self, examples: Sequence[masking.MaskedExample], rows: np.ndarray
    ) -> np.ndarray:
        """Whether a row's text overlaps the example's passage, <bool> of the shape of `rows`."""
        doc_keys = np.array([[e.doc_key] for e in examples], np.uint64)
        starts = np.array([[e.doc_byte_start] for e in examples], np.int64)
        limits = np.array([[e.doc_byte_limit] for e in examples], np.int64)
        table = self._knowledge
        own = (
            (rows >= 0)
            & (table.doc_keys[rows] == doc_keys)
            & (table.doc_byte_start[rows] < limits)
            & (table.doc_byte_limit[rows] > starts)
        )
        if self._passages.blocks == table.blocks:
            return own
        return own | self._holds_sentence(examples, rows)

    def _holds_sentence(
        self, examples: Sequence[masking.MaskedExample], rows: np.ndarray
    ) -> np.ndarray:
        """Whether a row's text holds the example's sentence, <bool> of the shape of `rows`."""
        found = np.zeros(rows.shape, bool)
        for number, example in enumerate(examples):
            sentence = example.query_ids.copy()
            sentence[example.positions - 1] = example.targets
            for place in np.flatnonzero(rows[number] >= 0):
                body = self._knowledge.token_ids(int(rows[number, place]))
                found[number, place] = ragged.contains(body, sentence)
        return found

    def _pack_candidates(
        self, table: block_table.BlockTable, queries: Sequence[np.ndarray], rows: np.ndarray
    ) -> types.Batch:
        titles = ragged.take(table.ragged("title_ids"), rows.ravel())
        bodies = ragged.take(table.ragged("token_ids"), rows.ravel())
        repeated = [query for query in queries for _ in range(rows.shape[1])]
        joint_length = self._cfg.query_length + self._block_length
        blocks = packing.pack_blocks(
            titles, bodies, self._block_length, self._tokenizer, template=self._template
        )
        joint, _ = packing.pack_joint(repeated, bodies, joint_length, self._tokenizer)
        return {
            "blocks": packing.reshape(blocks, *rows.shape),
            "joint": packing.reshape(joint, *rows.shape),
        }

    def _count(self, **numbers: int) -> None:
        with self._counting:
            self.counters.update({name: int(number) for name, number in numbers.items()})


def _first(rows: np.ndarray, allowed: np.ndarray, count: int) -> np.ndarray:
    """The first `count` allowed entries of every row <int64>[n, count], in order, then -1."""
    padding = np.full((len(rows), count), _NULL_ROW, rows.dtype)
    rows = np.concatenate([np.where(allowed, rows, _NULL_ROW), padding], axis=1)
    order = np.argsort(rows < 0, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(rows, order, axis=1)


def _pack_masks(examples: Sequence[masking.MaskedExample], max_masks: int) -> types.Batch:
    positions, targets = np.zeros((2, len(examples), max_masks), np.int32)
    weights = np.zeros((len(examples), max_masks), np.float32)
    for row, example in enumerate(examples):
        count = len(example.positions)
        positions[row, :count] = example.positions
        targets[row, :count] = example.targets
        weights[row, :count] = 1
    return {"mask_positions": positions, "mask_targets": targets, "mask_weights": weights}
