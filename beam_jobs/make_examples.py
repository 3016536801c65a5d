# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes training examples of blocks and their spans: shard in, shard out.

An example depends on its own block and the seed (`data.examples.example_records`), so the files do
not depend on the workers. A worker maps the columns of its shard, and needs little memory.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from beam_jobs.engine import job_folder, launch, outputs, shard_job, tokenizers, work_items
from beam_jobs.engine import report as job_report
from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.blocks import schema
from realm_tf.data.blocks import table as block_table
from realm_tf.data.examples import example_records

STEP = "MakeShard"

_SAMPLES = 5


@dataclasses.dataclass(frozen=True)
class Params:
    """What examples are made, and of what.

    Attributes:
      blocks: Path of the "blocks" segment.
      vocab: Path of the "vocab" segment that the blocks were made with.
      output_root: Directory of segments.
      task: Kind of the examples: masked, ict or annotated.
      spans: Path of the "spans" segment that marks the blocks; only the task ict needs none.
      per_block: Number of examples of each block.
      config: Seed, lengths and masking, as the run's training stages would use them.
    """

    blocks: str
    vocab: str
    output_root: str
    task: str
    spans: str | None = None
    per_block: int = 1
    config: config_lib.Config = config_lib.Config()

    @property
    def options(self) -> example_records.Options:
        """What decides an example."""
        config = self.config
        is_ict = self.task == example_records.ICT
        return example_records.Options(
            task=self.task,
            seed=config.seed,
            per_block=self.per_block,
            query_length=(config.ict if is_ict else config.pretrain).query_length,
            max_masks=config.pretrain.max_masks,
            keep_probability=config.ict.keep_probability,
            block_length=config.blocks.length,
            template=config.blocks.template,
        )


class MakeFn(work_items.ItemFn):
    """Makes the examples of shards; an item is the paths of a shard of blocks and of its spans.

    Args:
      folder: Directory of the job.
      output: The segment.
      params: Parameters of the job.
    """

    def __init__(self, folder: job_folder.Folder, output: outputs.Output, params: Params):
        super().__init__(folder, STEP)
        self._output = output
        self._vocab = params.vocab
        self._options = params.options

    def setup(self) -> None:
        """Opens the tokenizer."""
        self._tokenizer = tokenizers.open_once(self._vocab)

    def work(self, number: int, *item: str) -> dict[str, Any]:
        """Makes and writes one shard. The result: "tally", "counts" and `FILES`."""
        tally, counts = job_report.Tally(), example_records.Counts(blocks=0, examples=0)
        table = block_table.BlockTable.of_shard(*item)
        made = example_records.make_records(table, self._tokenizer, self._options, counts)
        path = self._output.shard(number)
        note = self.folder.note(STEP, number)
        with artifacts.atomic_path(path) as aside, tf.io.TFRecordWriter(aside) as writer:
            for example in made:
                writer.write(example)
                note(counts["examples"], len(table) * self._options.per_block)
                key = hashlib.sha256(example).hexdigest()
                if len(tally.samples) < _SAMPLES or key < tally.samples[-1]["key"]:
                    tally.sample(key, _SAMPLES, text=example_records.describe(example))
        tally.counts.update(counts)
        return {
            "tally": vars(tally),
            "counts": dict(counts),
            outputs.FILES: {
                example_records.KIND: [self._output.measure(number, counts["examples"])]
            },
        }


def make_examples(
    params: Params, *, beam_args: Sequence[str] = (), resume: bool = True
) -> artifacts.Segment:
    """Writes training examples.

    Args:
      params: What examples are made, and of what.
      beam_args: Pipeline options.
      resume: Whether to go on with what a killed job left, rather than to do everything again.

    Returns:
      The "examples" segment, in the shards of its input; at once if it is there already. The job's
      report is beside it.

    Raises:
      UserError: If the input is of another kind, was made with another vocabulary or is damaged, or
        there would be no example.
    """
    options = params.options
    segments = _open(params.blocks, params.spans, options.task)
    tokenizer = tokenizers.check(params.vocab, segments[0])
    recipe = shard_job.Recipe(
        params.output_root,
        example_records.KIND,
        settings={**options.decisive(), "examples_version": example_records.VERSION},
        made_from={
            **{part.kind: part.fingerprint for part in segments},
            "tokenizer": tokenizer.fingerprint,
        },
    )
    return shard_job.finished(recipe, STEP) or shard_job.make(
        recipe,
        list(zip(*(part.files(f"{part.kind}-") for part in segments), strict=True)),
        lambda folder, output: MakeFn(folder, output, params),
        lambda folder, results: _finish(folder, params.blocks, results),
        beam_args=beam_args,
        resume=resume,
        suffix="tfrecord",
    )


def _open(blocks: str, spans: str | None, task: str) -> list[artifacts.Segment]:
    """The segments of blocks and, if the task needs them, of spans."""
    marked = artifacts.open_segment(blocks, schema.BLOCKS)
    if task == example_records.ICT:
        return [marked]
    if spans is None:
        raise types.UserError(
            f"{task} examples are made of blocks and their salient spans. Give the segment that"
            f" realm tag made of {blocks}: --spans."
        )
    marks = artifacts.open_segment(spans, schema.SPANS)
    block_table.check([marked], [marks])
    return [marked, marks]


def _finish(
    folder: job_folder.Folder, source: str, results: list[dict[str, Any]]
) -> dict[str, int]:
    """Writes the report; returns the counts of the segment, which must hold an example."""
    tally = job_report.total(results)
    job_report.write(folder, {"job": "examples", "blocks": source}, tally)
    if not tally.counts["examples"]:
        told = ", ".join(f"{n} {what}" for what, n in tally.counts.items())
        raise types.UserError(f"{source} gives no example: {told}. Are the lengths too small?")
    return tally.counts


if __name__ == "__main__":
    launch.run(__spec__.name)
