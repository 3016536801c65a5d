# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes training examples of blocks and their spans: shard in, shard out.

An example depends on its own block and the seed (`data.examples.example_records`), so the files do
not depend on the workers. A worker maps the columns of its shard, and needs little memory.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from beam_jobs.engine import outputs, problems, runner, work_items
from beam_jobs.engine import report as job_report
from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.blocks import schema
from realm_tf.data.blocks import table as block_table
from realm_tf.data.examples import example_records

STEP = "MakeShard"

_JOBS = config_lib.JobsConfig()
_SAMPLES = 5
_LOGGER = logging.getLogger(__name__)


class MakeFn(work_items.ItemFn):
    """Makes the examples of shards; an item is the paths of a shard of blocks and of its spans.

    Args:
      folder: Directory of the job.
      output: The segment.
      vocab: Path of the "vocab" segment.
      options: What examples are made.
    """

    def __init__(
        self,
        folder: work_items.Folder,
        output: outputs.Output,
        *,
        vocab: str,
        options: example_records.Options,
    ):
        super().__init__(folder, STEP)
        self._output = output
        self._vocab = vocab
        self._options = options

    def setup(self) -> None:
        """Opens the tokenizer."""
        self._tokenizer = problems.open_tokenizer(self._vocab)

    def work(self, number: int, *item: str) -> dict[str, Any]:
        """Makes and writes one shard. The result: "tally", "counts" and "num_bytes"."""
        tally, counts = job_report.Tally(), example_records.Counts(blocks=0, examples=0)
        table = block_table.BlockTable.of_shard(*item)
        made = example_records.make(table, self._tokenizer, self._options, counts)
        path = outputs.shard_path(self._output, number)
        with artifacts.atomic_path(path) as aside, tf.io.TFRecordWriter(aside) as writer:
            for example in made:
                writer.write(example)
                key = hashlib.sha256(example).hexdigest()
                if len(tally.samples) < _SAMPLES or key < tally.samples[-1]["key"]:
                    tally.sample(key, _SAMPLES, text=example_records.describe(example))
        tally.counts.update(counts)
        return {
            "tally": vars(tally),
            "counts": dict(counts),
            "num_bytes": outputs.shard_bytes(self._output, number),
        }


def make_examples(
    *,
    blocks: str,
    vocab: str,
    output_root: str,
    options: example_records.Options,
    spans: str | None = None,
    wave_size: int = _JOBS.wave_size,
    resume: bool = True,
    beam_args: Sequence[str] = (),
) -> artifacts.Segment:
    """Writes training examples.

    Args:
      blocks: Path of the "blocks" segment.
      vocab: Path of the "vocab" segment that it was made with.
      output_root: Directory of segments.
      options: What examples are made.
      spans: Path of the "spans" segment that marks the blocks; every task but "ict" needs it.
      wave_size: Shards of one pipeline of the local runner.
      resume: Whether to go on with what a killed job left, rather than to do everything again.
      beam_args: Pipeline options.

    Returns:
      The "examples" segment, in the shards of its input; at once if it is there already. The job's
      report is beside it.

    Raises:
      UserError: If the input is of another kind, was made with another vocabulary or is damaged, or
        there would be no example.
    """
    segments = _open(blocks, spans, options.task)
    tokenizer = problems.open_tokenizer(vocab)
    artifacts.require_same(
        "tokenizer", (blocks, segments[0].made_from["tokenizer"]), (vocab, tokenizer.fingerprint)
    )
    settings = {**options.decisive(), "examples_version": example_records.VERSION}
    made_from = {part.kind: part.fingerprint for part in segments}
    made_from["tokenizer"] = tokenizer.fingerprint
    kind = example_records.KIND
    path = artifacts.recipe_path(output_root, kind, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        work_items.Folder(work_items.job_folder(path)).remove(STEP)
        return artifacts.open_segment(path, kind, verify=False)
    items = list(zip(*(part.files(f"{part.kind}-") for part in segments), strict=True))
    output = outputs.Output(path, kind, len(items), suffix="tfrecord")
    with artifacts.storage_errors():
        writer = artifacts.SegmentWriter(path, kind=kind, settings=settings, made_from=made_from)
        folder = work_items.open_folder(
            work_items.job_folder(path), {"items": items}, resume=resume
        )
        outputs.forget_broken(folder, STEP, output)
        _LOGGER.info("making %s examples of %d shards in %s", options.task, len(items), path)
        fn = MakeFn(folder, output, vocab=vocab, options=options)
        work_items.run(fn, items, beam_args=beam_args, wave_size=wave_size)
        return _commit(writer, output, folder, blocks)


def _open(blocks: str, spans: str | None, task: str) -> list[artifacts.Segment]:
    """The segments of blocks and, if the task needs them, of spans."""
    marked = artifacts.open_segment(blocks)
    artifacts.require_kind(marked, schema.BLOCKS, schema.SCHEMA_VERSION)
    if task == example_records.ICT:
        return [marked]
    if spans is None:
        raise types.UserError(
            f"{task} examples are made of blocks and their salient spans. Give the segment that"
            f" realm tag made of {blocks}: --spans."
        )
    marks = artifacts.open_segment(spans)
    block_table.check([marked], [marks])
    return [marked, marks]


def _commit(
    writer: artifacts.SegmentWriter, output: outputs.Output, folder: work_items.Folder, source: str
) -> artifacts.Segment:
    results = list(folder.results(STEP, output.num_shards))
    tally = job_report.total(results)
    job_report.write(folder, {"job": "examples", "blocks": source}, tally)
    told = ", ".join(f"{n} {what}" for what, n in tally.counts.items())
    if not tally.counts["examples"]:
        raise types.UserError(f"{source} gives no example: {told}. Are the lengths too small?")
    for number, result in enumerate(results):
        name = os.path.basename(outputs.shard_path(output, number))
        writer.add(name, num_records=result["counts"]["examples"])
    _LOGGER.info("%s: %s", output.path, told)
    segment = writer.commit(**tally.counts)
    folder.remove(STEP)
    return segment


def run(argv: Sequence[str] | None = None) -> artifacts.Segment:
    """Runs the job from command-line arguments; Beam's own options come after `--`."""
    own, beam_args = runner.split_args(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="make_examples", description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", required=True, help="path of the blocks segment")
    parser.add_argument("--spans", help="path of the spans segment that marks the blocks")
    parser.add_argument("--vocab", required=True, help="path of the vocab segment")
    parser.add_argument("--output_root", required=True, help="directory of segments")
    parser.add_argument("--task", required=True, choices=example_records.TASKS)
    parser.add_argument("--wave_size", type=int, default=_JOBS.wave_size)
    parser.add_argument("--resume", action=argparse.BooleanOptionalAction, default=True)
    for field in dataclasses.fields(example_records.Options):
        if field.name != "task":
            kind: Any = type(field.default)
            parser.add_argument(f"--{field.name}", type=kind, default=field.default)
    given = vars(parser.parse_args(own))
    names = {field.name for field in dataclasses.fields(example_records.Options)}
    options = example_records.Options(**{name: given.pop(name) for name in names})
    return make_examples(**given, options=options, beam_args=beam_args)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    run()
