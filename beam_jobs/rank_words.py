# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Ranks the blocks for every training question by BM25: a slice of the questions in, a shard out.

What BM25 finds does not change while a retriever is trained, so it is found once: candidates and
hard negatives of the trainings (Karpukhin et al., 2020, section 3.2).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from beam_jobs.engine import job_folder, launch, outputs, shard_job, work_items
from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.blocks import schema
from realm_tf.data.blocks import table as block_table
from realm_tf.data.questions import questions as questions_lib
from realm_tf.data.questions import word_ranks
from realm_tf.retrieval import bm25

STEP = "RankWords"

_SHARD = 2048  # questions
_AT_A_TIME = 64


@dataclasses.dataclass(frozen=True)
class Params:
    """What is ranked, and how deep.

    Attributes:
      blocks: Path of the "blocks" segment.
      questions: File of questions; any path that tf.io.gfile takes.
      output_root: Directory of segments.
      depth: Number of blocks for each question.
      config: How questions are read, and the parameters of BM25.
    """

    blocks: str
    questions: str
    output_root: str
    depth: int = 100
    config: config_lib.Config = config_lib.Config()


class RankFn(work_items.ItemFn):
    """Ranks the blocks for slices of the questions; an item is the first one and the next behind.

    Every worker holds the whole index in memory.

    Args:
      folder: Directory of the job.
      output: The segment.
      params: Parameters of the job.
    """

    def __init__(self, folder: job_folder.Folder, output: outputs.Output, params: Params):
        super().__init__(folder, STEP)
        self._output = output
        self._params = params

    def setup(self) -> None:
        """Reads the questions, and builds the index."""
        config = self._params.config
        self._questions = questions_lib.read(self._params.questions, config.questions)
        blocks = artifacts.open_segment(self._params.blocks, schema.BLOCKS, verify=False)
        table = block_table.BlockTable.open(blocks)
        self._bm25 = bm25.of_table(table, config.retrieval.fusion, config.blocks.template)

    def work(self, number: int, *item: int) -> dict[str, Any]:
        """Ranks for one slice. The result: "counts" and `FILES`."""
        start, limit = item
        texts = [question.question for question in self._questions[start:limit]]
        note = self.folder.note(STEP, number)
        ranked = []
        for first in range(0, len(texts), _AT_A_TIME):
            some = texts[first : first + _AT_A_TIME]
            ranked.append(self._bm25.search(some, self._params.depth).rows)
            note(first + len(some), len(texts))
        rows = np.concatenate(ranked)
        word_ranks.write_shard(self._output.shard(number), rows)
        return {
            "counts": {"questions": len(rows), "found": int((rows >= 0).sum())},
            outputs.FILES: {word_ranks.KIND: [self._output.measure(number, len(rows))]},
        }


def rank_words(
    params: Params, *, beam_args: Sequence[str] = (), resume: bool = True
) -> artifacts.Segment:
    """Ranks the blocks for every question by BM25.

    Args:
      params: What is ranked, and how deep.
      beam_args: Pipeline options.
      resume: Whether to go on with what a killed job left, rather than to do everything again.

    Returns:
      The "word_ranks" segment; at once if it is there already. Its counts: "questions", and
      "found": pairs of a question and a block that share a word.

    Raises:
      UserError: If there are more blocks than `retrieval.fusion.max_blocks`, the blocks are of
        another kind or damaged, or the questions cannot be read.
    """
    config, fusion = params.config, params.config.retrieval.fusion
    blocks = artifacts.open_segment(params.blocks, schema.BLOCKS, verify=False)
    if blocks.counts["blocks"] > fusion.max_blocks:
        raise types.UserError(
            f"{params.blocks} has {blocks.counts['blocks']:.0f} blocks, which are more than"
            f" retrieval.fusion.max_blocks ({fusion.max_blocks}): BM25 is built in memory. Raise"
            " that, or train without BM25."
        )
    parameters = {"k1": fusion.k1, "b": fusion.b, "template": config.blocks.template}
    recipe = shard_job.Recipe(
        params.output_root,
        word_ranks.KIND,
        settings={"depth": params.depth, **parameters},
        made_from={
            "blocks": blocks.fingerprint,
            "questions": questions_lib.fingerprint(params.questions, config.questions),
        },
    )
    if made := shard_job.finished(recipe, STEP):
        return made
    artifacts.open_segment(params.blocks)  # compares checksums
    count = len(questions_lib.read(params.questions, config.questions))
    return shard_job.make(
        recipe,
        [(start, min(start + _SHARD, count)) for start in range(0, count, _SHARD)],
        lambda folder, output: RankFn(folder, output, params),
        _count,
        beam_args=beam_args,
        resume=resume,
        suffix="npy",
    )


def _count(folder: job_folder.Folder, results: list[dict[str, Any]]) -> Mapping[str, int]:
    del folder
    return {name: sum(r["counts"][name] for r in results) for name in ("questions", "found")}


if __name__ == "__main__":
    launch.run(__spec__.name)
