# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The retriever of the served model: from questions to blocks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from realm_tf import config as config_lib
from realm_tf.data.blocks import packer
from realm_tf.data.blocks import table as block_table
from realm_tf.models import embedder
from realm_tf.models.inference import lean_encoder
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib
from serving import (
    approximate_search,
    block_store,
    chunks,
    exact_search,
    filter_columns,
    fused_search,
    graph_packing,
    requests,
)

_TEXTS_AT_A_TIME = 256

# See `exact_search.ExactSearch.__call__`.
Search = exact_search.ExactSearch | approximate_search.ApproximateSearch


class Retriever(tf.Module):
    """Tokenizer, query tower, search and block store as one graph.

    Args:
      query_tower: The fine-tuned query tower; its weights are copied as they are now.
      block_tower: What embedded the blocks, if the graph embeds blocks, too.
      tokenizer: Tokenizer of towers and blocks.
      table: Table of the blocks.
      search: Search over their vectors.
      config: Configuration of the run: lengths, template of a block, number type of the towers,
        whether the search is fused with one by words (`retrieval.fusion.serve`).

    Attributes:
      num_blocks: Number of blocks.
      release: What frees what the search holds outside of its variables; None if there is nothing.
    """

    def __init__(
        self,
        *,
        query_tower: embedder.Tower,
        block_tower: embedder.Tower | None,
        tokenizer: tokenizer_lib.Tokenizer,
        table: block_table.BlockTable,
        search: Search,
        config: config_lib.Config,
    ):
        super().__init__(name="retriever")
        self.num_blocks = len(table)
        self._tokenizer, self._text_to_ids = tokenizer, tokenizer.in_graph()
        self._query_length, self._block = config.open_qa.query_length, config.blocks
        # What made the vectors is a lean tower in this dtype, too.
        dtype = config.retrieval.embed_dtype
        self._query_tower = lean_encoder.LeanTower(query_tower, dtype=dtype)
        self._block_tower = block_tower and lean_encoder.LeanTower(block_tower, dtype=dtype)
        self._store = block_store.BlockStore(table)
        self._columns = filter_columns.FilterColumns(table)
        self._search = search
        serves_fusion = config.retrieval.fusion.serve
        self._fused = fused_search.FusedSearch(search, table, config) if serves_fusion else None
        self.release = search.release

    @property
    def search_record(self) -> Mapping[str, Any]:
        """What the manifest of an export says of the search."""
        fusion = {} if self._fused is None else {"fusion": self._fused.record()}
        return {**self._search.record(), **fusion}

    @property
    def metadata_fields(self) -> Mapping[str, str]:
        """Fields of the metadata to filter by, and their types."""
        return self._columns.fields

    @property
    def embeds_blocks(self) -> bool:
        """Whether it can embed blocks, too."""
        return self._block_tower is not None

    def embed_queries(self, question: tf.Tensor) -> tf.Tensor:
        """Embeds questions <string>[n] into vectors <float32>[n, embed_dim]."""

        def embed(question: tf.Tensor) -> list[tf.Tensor]:
            tokens = self._text_to_ids.tokenize(question)
            packed = graph_packing.pack_queries(tokens, self._query_length, self._tokenizer)
            return [self._query_tower(graph_packing.trim(packed))]

        return self._vectors(embed, question)

    def embed_blocks(self, title: tf.Tensor, text: tf.Tensor) -> tf.Tensor:
        """Embeds blocks, titles and texts <string>[n], into vectors <float32>[n, embed_dim]."""
        length, template, tower = self._block.length, self._block.template, self._block_tower
        if tower is None:
            raise ValueError("This retriever was made without a block tower.")

        def embed(title: tf.Tensor, text: tf.Tensor) -> list[tf.Tensor]:
            titles, bodies = map(self._text_to_ids.tokenize, (title, text))
            if template == packing.BODY:
                packed = graph_packing.pack_queries(bodies, length, self._tokenizer)
            else:
                titles = titles[:, : length // packer.TITLE_SHARE]
                packed, _ = graph_packing.pack_joint(titles, bodies, length, self._tokenizer)
            return [tower(graph_packing.trim(packed))]

        return self._vectors(embed, title, text)

    def _vectors(self, embed: Callable[..., list[tf.Tensor]], *texts: tf.Tensor) -> tf.Tensor:
        (vectors,) = chunks.apply(embed, texts, [tf.float32], _TEXTS_AT_A_TIME)
        return vectors

    def search(
        self, question: tf.Tensor, k: tf.Tensor, filters: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Searches for questions.

        Args:
          question: Questions <string>[batch_size].
          k: How many blocks each question wants, at most `num_blocks`, <int32>[batch_size].
          filters: A filter for each question (`filter_syntax`), <string>[batch_size]; blank ones
            allow all blocks. None: no question has one.

        Returns:
          Rows <int64> and scores <float32>, both [batch_size, largest k], best first. Scores are
          inner products, or those of `FusedSearch`. Places beyond a question's k, those for which
          too few blocks are allowed, and all of a question that asks nothing, have row 0 and
          `requests.NO_BLOCK`.

        Raises:
          InvalidArgumentError: When the graph runs, if a filter does not fit the fields; see
            `filter_parsing.parse`.
        """
        if filters is None:
            return self._best(question, k, functools.partial(self._found, None))
        is_restricted = tf.reduce_any(tf.strings.strip(filters) != "")
        restriction = exact_search.Restriction(filters, self._columns.allowed)

        def find(*asked: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return tf.cond(
                is_restricted,
                lambda: self._found(restriction, *asked),
                lambda: self._found(None, *asked),
            )

        return self._best(question, k, find)

    def search_by_vectors(self, question: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """As `search`, by vectors alone, whatever they are fused with."""
        return self._best(question, k, lambda _, *by_vectors: self._search(*by_vectors))

    def search_among(
        self, question: tf.Tensor, k: tf.Tensor, allowed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """As `search`, among the blocks that are allowed, <bool>[batch_size, num_blocks]."""
        restriction = exact_search.Restriction(allowed, tf.identity)
        return self._best(question, k, functools.partial(self._found, restriction))

    def _best(
        self, question: tf.Tensor, k: tf.Tensor, find: Callable[..., tuple[tf.Tensor, tf.Tensor]]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """What `search` returns; `find` takes questions, their vectors and the largest k."""
        most = tf.reduce_max(tf.concat([k, [1]], 0))
        rows, scores = find(question, self.embed_queries(question), most)
        wanted = tf.range(most) < tf.where(requests.asks(question), k, 0)[:, tf.newaxis]
        wanted &= rows >= 0
        return tf.where(wanted, rows, 0), tf.where(wanted, scores, requests.NO_BLOCK)

    def _found(
        self,
        restriction: exact_search.Restriction | None,
        question: tf.Tensor,
        query_emb: tf.Tensor,
        most: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        if self._fused is None:
            return self._search(query_emb, most, restriction)
        return self._fused(question, query_emb, most, restriction)

    def cite(self, rows: tf.Tensor, valid: tf.Tensor) -> dict[str, tf.Tensor]:
        """What is known of blocks; see `BlockStore.cite`."""
        return self._store.cite(rows, valid)

    def retrieve(
        self,
        question: tf.Tensor,
        k: tf.Tensor,
        with_metadata: tf.Tensor,
        filters: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """Retrieves blocks for questions, best first.

        Args:
          question: Questions <string>[batch_size].
          k: How many blocks each question wants, <int32>[batch_size]; the nearest number that can
            be had is taken.
          with_metadata: Whether metadata is wanted, <bool>[batch_size].
          filters: A filter for each question; see `search`.

        Returns:
          `retrieval_score` <float32>, see `search`, and what `BlockStore.cite` returns,
          each [batch_size, largest k]; places without a block have `requests.NO_BLOCK` and empty
          texts.
        """
        k = requests.within(k, 1, min(requests.MAX_BLOCKS, self.num_blocks))
        rows, scores = self.search(question, k, filters)
        found = self.cite(rows, scores > requests.NO_BLOCK)
        found["metadata"] = tf.where(with_metadata[:, tf.newaxis], found["metadata"], "")
        return {**found, "retrieval_score": scores}
