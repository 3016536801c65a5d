# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The first stages of `realm run`: from corpora to the opened data that training needs."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

from realm_tf import artifacts
from realm_tf import config as config_lib
from realm_tf.commands import data_jobs, run_inputs
from realm_tf.data.blocks import schema as blocks_lib
from realm_tf.data.blocks import table as block_table
from realm_tf.training.run import context as context_lib

# Runs a stage of this name, and reports how long it took.
Timed = Callable[[str, Callable[[], Any]], Any]


class DataStages:
    """Vocabulary, blocks, passages and their tables, each made when it is first asked for.

    Args:
      workdir: Of the run.
      root: Where segments go.
      inputs: What the user brought.
      config: Resolved.
      timed: Runs a stage.
    """

    def __init__(
        self,
        workdir: str,
        root: str,
        inputs: run_inputs.Inputs,
        config: config_lib.Config,
        timed: Timed,
    ):
        self._workdir = workdir
        self._root = root
        self._inputs = inputs
        self._config = config
        self._timed = timed

    @functools.cached_property
    def vocab(self) -> artifacts.Segment:
        """Segment "vocab"."""
        return self._timed(
            "vocab",
            lambda: data_jobs.make_vocab(
                self._config, self._inputs.corpus, self._root, self._inputs.format
            ),
        )

    @functools.cached_property
    def blocks(self) -> artifacts.Segment:
        """Segment "blocks" of the knowledge corpus."""
        return self._timed(
            "blocks", lambda: self._make_blocks(self._inputs.corpus, self._inputs.format)
        )

    @functools.cached_property
    def pretrain_blocks(self) -> artifacts.Segment:
        """What spans are masked in: "blocks", or "passages" where their spans are given."""
        corpus, fmt = self._inputs.pretrain_corpus, self._inputs.pretrain_format
        if corpus is None:
            return self.blocks
        return self._timed("pretrain_blocks", lambda: self._make_blocks(corpus, fmt))

    @functools.cached_property
    def passages(self) -> artifacts.Segment:
        """Segment "passages"."""
        source, beam_args = self.pretrain_blocks, self._inputs.beam_args
        if source.kind == blocks_lib.PASSAGES:
            return source
        return self._timed(
            "tag",
            lambda: data_jobs.make_passages(
                self._config, source.path, self.vocab.path, self._root, beam_args
            ),
        )

    def _make_blocks(self, corpus: str, fmt: str) -> artifacts.Segment:
        beam_args = self._inputs.beam_args
        return data_jobs.make_blocks(
            self._config, corpus, self.vocab.path, self._root, beam_args, fmt
        )

    @functools.cached_property
    def context(self) -> context_lib.Context:
        """The opened data, which training needs."""
        tables = [
            self._timed(
                f"{part.kind}_table", functools.partial(block_table.build, self._root, part)
            )
            for part in (self.blocks, self.passages)
        ]
        return context_lib.Context(
            config=self._config,
            root=self._root,
            training_dir=os.path.join(self._workdir, "training"),
            vocab=self.vocab,
            blocks=self.blocks,
            knowledge_table=tables[0],
            passages_table=tables[1],
        )
