# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The first stages of `realm run`: from corpora to the opened data that training needs."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from typing import Any

from beam_jobs import build_blocks, find_answers, rank_words, tag_spans
from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.artifacts import gfile
from realm_tf.commands import make_vocab, run_inputs
from realm_tf.training.engine import workers
from realm_tf.training.run import context as context_lib

_RECORD = "data.json"

# Runs a stage of this name, and reports how long it took.
Timed = Callable[[str, Callable[[], Any]], Any]


class DataStages:
    """Vocabulary, blocks, spans and what is looked up of questions, each made when asked for.

    Args:
      workdir: Directory of the run.
      root: Where segments go.
      inputs: What the user brought.
      config: Resolved.
      timed: Runs a stage.
      recorded: Whether the segments that this run was made of are taken, if all are complete,
        without a look at its corpus.
      worker: Which of the processes that train together this is.
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
        worker: workers.Worker = workers.ALONE,
    ):
        self._workdir = workdir
        self._root = root
        self._inputs = inputs
        self._config = config
        self._timed = timed
        self._use_record = recorded
        self._worker = worker

    @functools.cached_property
    def vocab(self) -> artifacts.Segment:
        """Segment "vocab"."""
        return self._recorded.get("vocab") or self._timed(
            "vocab",
            lambda: make_vocab.make_vocab(
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
    def passages(self) -> build_blocks.Built:
        """What spans are masked in: blocks of the knowledge corpus or another, and their spans."""
        if known := self._recorded.get("passages"):
            return build_blocks.Built(known, self._recorded["spans"])
        corpus, fmt = self._inputs.pretrain_corpus, self._inputs.pretrain_format
        if corpus is None:
            marked = build_blocks.Built(self.blocks, None)
        else:
            marked = self._make_blocks("pretrain_blocks", corpus, fmt)
        if marked.spans is not None:
            return marked
        return marked._replace(spans=self._timed("tag", lambda: self._tag(marked.blocks)))

    def _make_blocks(self, stage: str, corpus: str, fmt: str) -> build_blocks.Built:
        params = build_blocks.Params(corpus, self.vocab.path, self._root, fmt, self._config)
        beam_args = self._inputs.beam_args
        return self._timed(stage, lambda: build_blocks.build_blocks(params, beam_args=beam_args))

    def _tag(self, blocks: artifacts.Segment) -> artifacts.Segment:
        params = tag_spans.Params(blocks.path, self.vocab.path, self._root, self._config)
        return tag_spans.tag_spans(params, beam_args=self._inputs.beam_args)

    @functools.cached_property
    def answers(self) -> artifacts.Segment:
        """Segment "answer_rows": which blocks hold an answer of which question."""
        params = find_answers.Params(
            self.blocks.path, self._inputs.looked_up, self._root, self._config
        )
        beam_args = self._inputs.beam_args
        return self._timed(
            "answers", lambda: find_answers.find_answers(params, beam_args=beam_args)
        )

    def word_ranks(self, depth: int) -> artifacts.Segment | None:
        """Segment "word_ranks": so many blocks that BM25 finds for each question."""
        if not depth:
            return None
        params = rank_words.Params(
            self.blocks.path, self._inputs.looked_up, self._root, depth, self._config
        )
        beam_args = self._inputs.beam_args
        return self._timed("word_ranks", lambda: rank_words.rank_words(params, beam_args=beam_args))

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
            worker=self._worker,
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
        if not self._use_record or not gfile.exists(path):
            return {}
        try:
            record = artifacts.read_json(path)
            names, run = record["segments"], record["run"]
        except (types.UserError, KeyError, TypeError):  # damaged: the corpus tells the same
            return {}
        paths = {role: os.path.join(self._root, name) for role, name in names.items()}
        is_there = all(gfile.exists(f"{p}/{artifacts.MANIFEST}") for p in paths.values())
        if not is_there or run != run_inputs.digest(self._inputs, self._config):
            return {}
        return {role: artifacts.open_segment(p, verify=False) for role, p in paths.items()}

    def _record_path(self) -> str:
        return os.path.join(self._workdir, _RECORD)
