# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Cuts the documents of a corpus into blocks.

A document's shard is a hash of its id, and inside a shard documents are sorted by id: the segment
depends on the documents alone, not on the corpus's files, their order, or the workers. The corpus
is sorted on disk (`build_blocks_sort`), then shards are packed one by one (`build_blocks_pack`), so
that memory does not depend on its size; at last, texts that more than one document has are marked
(`build_blocks_finish`).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from beam_jobs import build_blocks_finish, build_blocks_pack, build_blocks_sort
from beam_jobs.engine import outputs, problems, runner, work_items
from beam_jobs.engine import report as job_report
from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.blocks import keys, schema
from realm_tf.data.blocks import packer as block_packer
from realm_tf.data.corpus import formats as corpus_formats
from realm_tf.data.corpus import sorted_runs
from realm_tf.text import packing

# What is removed when the segment is there.
_NEEDED = (
    build_blocks_sort.STEP,
    build_blocks_pack.STEP,
    build_blocks_finish.STEP,
    build_blocks_finish.MARKS,
)
_MB = 1 << 20

_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class _Job:
    """What the steps need to know.

    Attributes:
      corpus: Pattern of the corpus's files.
      fmt: Format of the corpus.
      reading: How the corpus is read.
      working: How the job works.
      vocab: Path of the "vocab" segment.
      packing: Arguments of `block_packer.BlockPacker`.
      num_shards: Number of shards of the segment.
      beam_args: Pipeline options.
    """

    corpus: str
    fmt: str
    reading: config_lib.CorpusConfig
    working: config_lib.JobsConfig
    vocab: str
    packing: Mapping[str, Any]
    num_shards: int
    beam_args: Sequence[str]

    def run(self, fn: work_items.ItemFn, items: Sequence[tuple[Any, ...]]) -> None:
        """Does the items of a step."""
        work_items.run(fn, items, beam_args=self.beam_args, wave_size=self.working.wave_size)


def build_blocks(
    *,
    input: str,  # noqa: A002 - the name of the option
    vocab: str,
    output_root: str,
    format: str = corpus_formats.JSONL,  # noqa: A002 - the name of the option
    reading: config_lib.CorpusConfig | None = None,
    working: config_lib.JobsConfig | None = None,
    length: int = 288,
    template: str = packing.TITLE_BODY,
    language: str = "en",
    overlap_sentences: int = 0,
    num_shards: int = 8,
    resume: bool = True,
    beam_args: Sequence[str] = (),
) -> artifacts.Segment:
    """Cuts the documents of a corpus into blocks.

    Args:
      input: Glob pattern of corpus files; see `corpus_formats`.
      vocab: Path of the "vocab" segment.
      output_root: Directory of segments; the job's own directory is beside the segment.
      format: Format of the corpus.
      reading: How it is read.
      working: How the job works; nothing in it changes the segment.
      length: Length of packed blocks, in wordpieces, title and special tokens included.
      template: What embedders read of a block, and so what has to fit: "title_body" or "body".
      language: ISO 639 code, for the sentence boundaries.
      overlap_sentences: See `block_packer.BlockPacker`.
      num_shards: Files of the segment.
      resume: Whether to go on with what a killed job left, rather than to do everything again.
      beam_args: Pipeline options.

    Returns:
      The "blocks" segment; at once if it is there already.

    Raises:
      UserError: If more records are bad than `working` allows (naming the first), there is nothing
        to pack, or the disk is full.
    """
    if num_shards < 1:
        raise types.UserError(f"A segment needs at least 1 shard. Received: {num_shards}.")
    reading = reading or config_lib.CorpusConfig()
    options = _packing_options(length, template, language, overlap_sentences)
    tokenizer = problems.open_tokenizer(vocab)
    block_packer.BlockPacker(tokenizer, **options)  # checks
    settings = {
        "length": length,
        "template": template,
        "language": language,
        "overlap_sentences": overlap_sentences,
        "num_shards": num_shards,
        "packing_version": keys.PACKING_VERSION,
        "vocab_size": tokenizer.vocab_size,
    }
    made_from = {
        "tokenizer": tokenizer.fingerprint,
        "corpus": corpus_formats.fingerprint(input, format, reading),
    }
    path = artifacts.recipe_path(output_root, schema.BLOCKS, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        work_items.Folder(work_items.job_folder(path)).remove(*_NEEDED)
        return artifacts.open_segment(path, schema.BLOCKS, verify=False)
    job = _Job(
        input,
        format,
        reading,
        working or config_lib.JobsConfig(),
        vocab,
        options,
        num_shards,
        beam_args,
    )
    with artifacts.storage_errors():
        writer = artifacts.SegmentWriter(
            path,
            kind=schema.BLOCKS,
            settings=settings,
            made_from=made_from,
            schema_version=schema.SCHEMA_VERSION,
        )
        return _build(job, writer, resume=resume)


def _build(job: _Job, writer: artifacts.SegmentWriter, *, resume: bool) -> artifacts.Segment:
    output = outputs.Output(writer.path, schema.BLOCKS, job.num_shards)
    items = build_blocks_sort.items(corpus_formats.units(job.corpus, job.fmt, job.reading))
    path = work_items.job_folder(writer.path)
    folder = work_items.open_folder(path, {"items": items, "shards": job.num_shards}, resume=resume)
    outputs.forget_broken(folder, build_blocks_finish.STEP, output)
    _LOGGER.info("packing %s into %s", job.corpus, writer.path)
    started = time.monotonic()
    steps = {build_blocks_sort.STEP: len(items)}
    tally, runs = _sort(job, folder, items)
    _check_bad(job, folder, tally, steps)
    steps[build_blocks_pack.STEP] = job.num_shards
    packed = _pack(job, folder, runs)
    tally.add(job_report.total(packed), build_blocks_pack.SAMPLES)
    _check_bad(job, folder, tally, steps)
    outputs.require_blocks(tally.counts["blocks"], output.kind, job.corpus)
    num_records = _finish(job, folder, output, packed, tally)
    seconds = round(time.monotonic() - started, 1)
    job_report.write(folder, {**_head(job), "seconds of the last call": seconds}, tally)
    counts = {"documents": 0, **tally.beam_counts()}
    segment = outputs.commit_shards(writer, output, num_records, counts, job.corpus)
    folder.remove(*_NEEDED)
    return segment


def _sort(
    job: _Job, folder: work_items.Folder, items: Sequence[tuple[Any, ...]]
) -> tuple[job_report.Tally, list[sorted_runs.Run]]:
    """First step."""
    fn = build_blocks_sort.SortFn(
        folder,
        fmt=job.fmt,
        options=job.reading,
        num_shards=job.num_shards,
        run_bytes=job.working.sort_mb * _MB,
    )
    job.run(fn, items)
    results = list(folder.results(build_blocks_sort.STEP, len(items)))
    return job_report.total(results), build_blocks_sort.runs(folder, results)


def _check_bad(
    job: _Job, folder: work_items.Folder, tally: job_report.Tally, steps: Mapping[str, int]
) -> None:
    """Stops the job, with a report, if too many records are bad."""
    letters = job_report.collect_dead_letters(folder, steps)
    limit = job.working.max_bad_fraction
    try:
        job_report.check_bad(tally, tally.counts.get("records", 0), limit, letters)
    except types.UserError:
        job_report.write(folder, {**_head(job), "stopped": "too many bad records"}, tally)
        raise


def _head(job: _Job) -> dict[str, Any]:
    return {"job": "blocks", "corpus": job.corpus}


def _pack(
    job: _Job, folder: work_items.Folder, runs: Sequence[sorted_runs.Run]
) -> list[dict[str, Any]]:
    """Second step."""
    items = [tuple(map(tuple, sorted_runs.slices(runs, i))) for i in range(job.num_shards)]
    fn = build_blocks_pack.PackFn(folder, fmt=job.fmt, vocab=job.vocab, options=job.packing)
    job.run(fn, items)
    return list(folder.results(build_blocks_pack.STEP, job.num_shards))


def _finish(
    job: _Job,
    folder: work_items.Folder,
    output: outputs.Output,
    packed: list[dict[str, Any]],
    tally: job_report.Tally,
) -> list[int]:
    """Third step; returns the number of blocks of every shard."""
    tally.count("duplicate_blocks", build_blocks_finish.find_duplicates(folder, packed))
    fn = build_blocks_finish.FinishFn(
        folder,
        output,
        vocab_size=problems.open_tokenizer(job.vocab).vocab_size,
        largest_place=max(result["largest_place"] for result in packed),
    )
    job.run(fn, [(number,) for number in range(job.num_shards)])
    results = folder.results(build_blocks_finish.STEP, job.num_shards)
    return [result["blocks"] for result in results]


def _packing_options(
    length: int, template: str, language: str, overlap_sentences: int
) -> dict[str, Any]:
    return {
        "length": length,
        "template": template,
        "language": language,
        "overlap": overlap_sentences,
    }


def _parser() -> argparse.ArgumentParser:
    working = config_lib.JobsConfig()
    parser = argparse.ArgumentParser(prog="build_blocks", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--input", required=True, help="pattern of corpus files")
    add("--format", default=corpus_formats.JSONL, help="of the corpus")
    add("--reading", default="{}", help="how it is read: the section corpus of a config, as JSON")
    add("--vocab", required=True, help="path of the vocab segment")
    add("--output_root", required=True, help="directory of segments")
    add("--length", type=int, default=288, help="wordpieces of a packed block")
    add("--template", default=packing.TITLE_BODY, help="title_body or body")
    add("--language", default="en", help="ISO 639 code of the corpus's language")
    add("--overlap_sentences", type=int, default=0, help="of the block before")
    add("--num_shards", type=int, default=8, help="files of the segment")
    add("--max_bad_fraction", type=float, default=working.max_bad_fraction, help="of records")
    add("--wave_size", type=int, default=working.wave_size, help="items of a local pipeline")
    add("--sort_mb", type=int, default=working.sort_mb, help="sorted in memory")
    add("--resume", action=argparse.BooleanOptionalAction, default=True, help="go on, or anew")
    add("--dry_run", type=int, default=0, help="report of the first records; writes nothing")
    return parser


def _options(argv: Sequence[str] | None) -> tuple[dict[str, Any], int]:
    """Arguments of `build_blocks`, and of how many records a dry run is wanted."""
    own, beam_args = runner.split_args(sys.argv[1:] if argv is None else argv)
    options = vars(_parser().parse_args(own))
    working = {f.name: options.pop(f.name) for f in dataclasses.fields(config_lib.JobsConfig)}
    options["working"] = config_lib.JobsConfig(**working)
    reading = json.loads(options["reading"])
    options["reading"] = config_lib.from_dict(config_lib.CorpusConfig, reading)
    dry_run = options.pop("dry_run")
    return {**options, "beam_args": beam_args}, dry_run


def run(argv: Sequence[str] | None = None) -> artifacts.Segment:
    """Runs the job from command-line arguments; Beam's own options come after `--`."""
    return build_blocks(**_options(argv)[0])


def preview(argv: Sequence[str] | None = None) -> str:
    """The report of the first `--dry_run` records; nothing is written."""
    options, count = _options(argv)
    names = ("length", "template", "language", "overlap_sentences")
    return build_blocks_pack.preview(
        input=options["input"],
        fmt=options["format"],
        reading=options["reading"],
        vocab=options["vocab"],
        options=_packing_options(*(options[name] for name in names)),
        count=count,
    )


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    sys.stdout.write(f"{preview() if _options(None)[1] else run().path}\n")
