# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The first stages of `realm run`: from corpora to the opened data that training needs."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.commands import data_jobs, run_inputs
from realm_tf.training.run import context as context_lib

_RECORD = "data.json"

# Runs a stage of this name, and reports how long it took.
Timed = Callable[[str, Callable[[], Any]], Any]


class DataStages:
    """Vocabulary, blocks and salient spans, each made when it is first asked for.

    Args:
      workdir: Directory of the run.
      root: Where segments go.
      inputs: What the user brought.
      config: Resolved.
      timed: Runs a stage.
      recorded: Whether the segments that this run was made of are taken, if all are complete,
        without a look at its corpus.
    """

    def __init__(
        self,
        workdir: str,
        root: str,
        inputs: run_inputs.Inputs,
        config: config_lib.Config,
        timed: Timed,
        *,
        recorded: bool = False,
    ):
        self._workdir = workdir
        self._root = root
        self._inputs = inputs
        self._config = config
        self._timed = timed
        self._use_record = recorded

    @functools.cached_property
    def vocab(self) -> artifacts.Segment:
        """Segment "vocab"."""
        return self._recorded.get("vocab") or self._timed(
            "vocab",
            lambda: data_jobs.make_vocab(
                self._config, self._inputs.corpus, self._root, self._inputs.format
            ),
        )

    @functools.cached_property
    def blocks(self) -> artifacts.Segment:
        """Segment "blocks" of the knowledge corpus."""
        if known := self._recorded.get("blocks"):
            return known
        made = self._make_blocks("blocks", self._inputs.corpus, self._inputs.format)
        return made.blocks

    @functools.cached_property
    def passages(self) -> data_jobs.Passages:
        """What spans are masked in: blocks of the knowledge corpus or another, and their spans."""
        if known := self._recorded.get("passages"):
            return data_jobs.Passages(known, self._recorded["spans"])
        corpus, fmt = self._inputs.pretrain_corpus, self._inputs.pretrain_format
        if corpus is None:
            marked = data_jobs.Passages(self.blocks, None)
        else:
            marked = self._make_blocks("pretrain_blocks", corpus, fmt)
        if marked.spans is not None:
            return marked
        return marked._replace(spans=self._timed("tag", lambda: self._tag(marked.blocks)))

    def _make_blocks(self, stage: str, corpus: str, fmt: str) -> data_jobs.Passages:
        vocab, beam_args = self.vocab.path, self._inputs.beam_args
        return self._timed(
            stage,
            lambda: data_jobs.make_blocks(self._config, corpus, vocab, self._root, beam_args, fmt),
        )

    def _tag(self, blocks: artifacts.Segment) -> artifacts.Segment:
        beam_args = self._inputs.beam_args
        return data_jobs.make_spans(
            self._config, blocks.path, self.vocab.path, self._root, beam_args
        )

    @functools.cached_property
    def context(self) -> context_lib.Context:
        """The opened data, which training needs, once its checksums are compared."""
        for part in {part.path: part for part in (self.blocks, *self.passages) if part}.values():
            artifacts.open_segment(part.path, part.kind)
        return context_lib.Context(
            config=self._config,
            root=self._root,
            training_dir=os.path.join(self._workdir, "training"),
            vocab=self.vocab,
            blocks=self.blocks,
            spans=self.passages.spans,
            passage_blocks=self.passages.blocks,
        )

    def record(self) -> None:
        """Keeps which segments the run is made of, for commands that are given no corpus."""
        spans = self.passages.spans
        parts = {"vocab": self.vocab, "blocks": self.blocks, "passages": self.passages.blocks}
        parts |= {} if spans is None else {"spans": spans}
        names = {role: os.path.basename(part.path) for role, part in parts.items()}
        record = {"run": run_inputs.digest(self._inputs, self._config), "segments": names}
        artifacts.write_text(self._record_path(), json.dumps(record, indent=1) + "\n")

    @functools.cached_property
    def _recorded(self) -> dict[str, artifacts.Segment]:
        """The run's segments by role; none if they are not to be used, or not all are there."""
        path = self._record_path()
        if not self._use_record or not tf.io.gfile.exists(path):
            return {}
        try:
            record = artifacts.read_json(path)
            names, run = record["segments"], record["run"]
        except (types.UserError, KeyError, TypeError):  # damaged: the corpus tells the same
            return {}
        paths = {role: os.path.join(self._root, name) for role, name in names.items()}
        is_there = all(tf.io.gfile.exists(f"{p}/{artifacts.MANIFEST}") for p in paths.values())
        if not is_there or run != run_inputs.digest(self._inputs, self._config):
            return {}
        return {role: artifacts.open_segment(p, verify=False) for role, p in paths.items()}

    def _record_path(self) -> str:
        return os.path.join(self._workdir, _RECORD)
