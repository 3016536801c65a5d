# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds which blocks hold an answer of which training question: shard in, shard out.

Fine-tuning must know it of thousands of searched blocks a question in every step (Lee et al., 2019,
section 6): looked up here, it costs a step nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from beam_jobs.engine import job_folder, launch, outputs, shard_job, work_items
from realm_tf import artifacts
from realm_tf import config as config_lib
from realm_tf.data.blocks import schema, shards
from realm_tf.data.blocks import table as block_table
from realm_tf.data.questions import answer_rows, answer_search
from realm_tf.data.questions import questions as questions_lib

STEP = "FindAnswers"


@dataclasses.dataclass(frozen=True)
class Params:
    """What answers are looked for, and where.

    Attributes:
      blocks: Path of the "blocks" segment.
      questions: File of questions; any path that tf.io.gfile takes.
      output_root: Directory of segments.
      config: How questions are read, and the rule by which a block holds an answer.
    """

    blocks: str
    questions: str
    output_root: str
    config: config_lib.Config = config_lib.Config()


class FindFn(work_items.ItemFn):
    """Looks for the answers in shards of blocks; an item is the path of a shard.

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
        """Reads the questions."""
        config = self._params.config
        questions = questions_lib.read(self._params.questions, config.questions)
        self._search = answer_search.AnswerSearch(questions, config.open_qa.answer_rule)

    def work(self, number: int, *item: str) -> dict[str, Any]:
        """Searches and writes one shard. The result: "counts" and `FILES`."""
        table = block_table.BlockTable.of_shard(*item)
        note = self.folder.note(STEP, number)
        found = answer_rows.find(table, self._search, lambda row: note(row, len(table)))
        path = self._output.shard(number)
        shards.write(path, [answer_rows.batch(*found)], answer_rows.SCHEMA)
        return {
            "counts": {"blocks": len(table), "found": len(found[0])},
            outputs.FILES: {answer_rows.KIND: [self._output.measure(number, len(found[0]))]},
        }


def find_answers(
    params: Params, *, beam_args: Sequence[str] = (), resume: bool = True
) -> artifacts.Segment:
    """Finds which blocks hold an answer of which question.

    Args:
      params: What answers are looked for, and where.
      beam_args: Pipeline options.
      resume: Whether to go on with what a killed job left, rather than to do everything again.

    Returns:
      The "answer_rows" segment, in the shards of its input; at once if it is there already. Its
      counts: "blocks", and "found": pairs of an answer and a block.

    Raises:
      UserError: If the blocks are of another kind or damaged, or the questions cannot be read.
    """
    config = params.config
    blocks = artifacts.open_segment(params.blocks, schema.BLOCKS, verify=False)
    recipe = shard_job.Recipe(
        params.output_root,
        answer_rows.KIND,
        settings={"rule": config.open_qa.answer_rule},
        made_from={
            "blocks": blocks.fingerprint,
            "questions": questions_lib.fingerprint(params.questions, config.questions),
        },
    )

    if made := shard_job.finished(recipe, STEP):
        return made
    artifacts.open_segment(params.blocks)  # compares checksums
    return shard_job.make(
        recipe,
        [(path,) for path in blocks.files(f"{schema.BLOCKS}-")],
        lambda folder, output: FindFn(folder, output, params),
        _count,
        beam_args=beam_args,
        resume=resume,
    )


def _count(folder: job_folder.Folder, results: list[dict[str, Any]]) -> Mapping[str, int]:
    del folder
    return {name: sum(r["counts"][name] for r in results) for name in ("blocks", "found")}


if __name__ == "__main__":
    launch.run(__spec__.name)
