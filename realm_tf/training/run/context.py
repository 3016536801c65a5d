# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What every experiment of a run is given: the configuration and the opened data."""

from __future__ import annotations

import dataclasses
import functools
import os

import numpy as np

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.blocks import table as block_table
from realm_tf.data.examples import held_out
from realm_tf.retrieval import snapshots, view
from realm_tf.text import tokenizer as tokenizer_lib
from realm_tf.training.engine import workers


@dataclasses.dataclass(frozen=True)
class Context:
    """A run's configuration and data.

    Attributes:
      config: The whole configuration.
      root: Directory of the segments.
      training_dir: Directory of checkpoints and summaries, with a directory per experiment.
      vocab: Segment "vocab".
      blocks: Segment "blocks": the knowledge corpus.
      spans: Segment "spans": the salient spans of `passage_blocks`; None if there are none.
      passage_blocks: Segment "blocks" that spans are masked in; None: `blocks`.
      worker: Which of the processes that train together this is.
      documents: Snapshot whose documents are retrieved from, where they have changed since the
        training; None: those of `blocks`.
    """

    config: config_lib.Config
    root: str
    training_dir: str
    vocab: artifacts.Segment
    blocks: artifacts.Segment
    spans: artifacts.Segment | None = None
    passage_blocks: artifacts.Segment | None = None
    worker: workers.Worker = workers.ALONE
    documents: snapshots.Snapshot | None = None

    @functools.cached_property
    def tokenizer(self) -> tokenizer_lib.Tokenizer:
        """The run's tokenizer."""
        return tokenizer_lib.Tokenizer.open(self.vocab)

    @functools.cached_property
    def knowledge(self) -> block_table.BlockTable:
        """The blocks to retrieve from."""
        if self.documents is not None:
            return view.View(self.documents).table
        return block_table.BlockTable.open(self.blocks)

    @functools.cached_property
    def passages(self) -> block_table.BlockTable:
        """The passages to mask spans in: of the corpus that is retrieved from, those still there.

        Raises:
          UserError: If there are none.
        """
        if self.spans is None:
            raise types.UserError(
                "This run has no annotated passages to mask spans in. Run realm tag on its blocks."
            )
        marked = self.passage_blocks or self.blocks
        table = block_table.BlockTable.open(marked, self.spans)
        if self.documents is None or marked.fingerprint != self.blocks.fingerprint:
            return table
        gone = np.flatnonzero(~np.isin(table.block_ids, self.knowledge.block_ids))
        return block_table.BlockTable.open(marked, self.spans, without=gone)

    def is_held_out(self, table: block_table.BlockTable) -> np.ndarray:
        """<bool>[num_blocks]: rows whose documents are kept for measuring."""
        fraction = self.config.evaluation.held_out_fraction
        parts = (held_out.is_held_out(c.scalar("doc_key"), fraction) for c in table.chunks())
        return np.concatenate([np.zeros(0, bool), *parts])

    def recipe(self, kind: str, *, settings: dict, made_from: dict) -> str:
        """Directory of the segment that this recipe makes in this run."""
        return artifacts.recipe_path(self.root, kind, settings=settings, made_from=made_from)

    def directory(self, segment_path: str) -> str:
        """Where the training that makes a segment keeps its checkpoints."""
        return os.path.join(self.training_dir, os.path.basename(segment_path))
