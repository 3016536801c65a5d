# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Cuts the documents of a corpus into blocks, or takes over blocks that the original code has cut.

A document's shard is a hash of its id, and inside a shard documents are sorted by id: the segment
depends on the documents alone, not on the corpus's files, their order, or the workers. The corpus
is sorted on disk (`build_blocks_sort`), then shards are packed one by one (`build_blocks_pack`), so
that memory does not depend on its size; at last, texts that more than one document has are marked
(`build_blocks_finish`).

Records of the original code are ready blocks: one record is one block (`build_blocks_reference`).
The format `realm-pretrain` also brings spans, which become a segment of their own.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from beam_jobs import build_blocks_finish, build_blocks_pack, build_blocks_sort
from beam_jobs.engine import job_folder, launch, outputs, shard_job, tokenizers, work_items
from beam_jobs.engine import report as job_report
from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.blocks import keys, schema
from realm_tf.data.corpus import formats as corpus_formats
from realm_tf.data.corpus import sorted_runs

# What is removed when the segments are there.
_NEEDED = (
    build_blocks_sort.STEP,
    build_blocks_pack.STEP,
    build_blocks_finish.STEP,
    build_blocks_finish.MARKS,
)
_OF_SPANS = ("spans", "skipped_")  # beginnings of the names of counts that tell of spans
_MB = 1 << 20

_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Params:
    """What is cut into blocks, and how.

    Attributes:
      corpus: Pattern of the files of the corpus, or a folder.
      vocab: Path of the "vocab" segment.
      output_root: Directory of segments; the job's own directory is beside the segment.
      format: Format of the corpus; see `corpus_formats`.
      config: Sections `corpus` (how it is read), `blocks` (how it is cut) and `jobs`.
    """

    corpus: str
    vocab: str
    output_root: str
    format: str = corpus_formats.JSONL
    config: config_lib.Config = config_lib.Config()


class Built(NamedTuple):
    """The segments that the job makes.

    Attributes:
      blocks: Segment "blocks".
      spans: Segment "spans" that marks them; None where the corpus brings no spans.
    """

    blocks: artifacts.Segment
    spans: artifacts.Segment | None


def build_blocks(params: Params, *, beam_args: Sequence[str] = (), resume: bool = True) -> Built:
    """Cuts the documents of a corpus into blocks, or takes over blocks that are ready.

    Args:
      params: What is cut into blocks, and how.
      beam_args: Pipeline options.
      resume: Whether to go on with what a killed job left, rather than to do everything again.

    Returns:
      The segments; at once if they are there already.

    Raises:
      UserError: If more records are bad than `jobs.max_bad_fraction` allows (naming the first), it
        is set for ready blocks, there is nothing to pack, two blocks have one id, or the disk is
        full.
    """
    corpus_formats.check(params.corpus, params.format)
    if corpus_formats.is_ready(params.format) and params.config.jobs.max_bad_fraction:
        raise types.UserError(
            f"{params.format} holds ready blocks, whose numbers bind vectors to them: none may be"
            f" bad. Received: jobs.max_bad_fraction={params.config.jobs.max_bad_fraction}."
        )
    job = _Job(params, beam_args)
    if all(artifacts.is_complete(recipe.path) for recipe in job.recipes):
        return job.opened()
    with artifacts.storage_errors():
        return job.build(resume=resume)


class _Job:
    """The steps of the job, from recipes to segments.

    Attributes:
      recipes: What is made: blocks, and where the corpus brings them spans.
    """

    def __init__(self, params: Params, beam_args: Sequence[str]):
        self._params = params
        self._beam_args = beam_args
        self._tokenizer = tokenizers.open_once(params.vocab)
        self._num_shards = _num_shards(params)
        kinds = [schema.BLOCKS]
        kinds += [schema.SPANS] if corpus_formats.brings_spans(params.format) else []
        made_from = {
            "tokenizer": self._tokenizer.fingerprint,
            "corpus": corpus_formats.fingerprint(
                params.corpus, params.format, params.config.corpus
            ),
        }
        self.recipes = [
            shard_job.Recipe(params.output_root, kind, self._settings(), made_from)
            for kind in kinds
        ]

    def _settings(self) -> dict[str, Any]:
        blocks = dataclasses.asdict(self._params.config.blocks)
        if corpus_formats.is_ready(self._params.format):
            del blocks["overlap_sentences"]
            blocks["format"] = self._params.format
        fields = dict(self._params.config.corpus.metadata_fields)
        return {
            **blocks,
            **({schema.METADATA_FIELDS: fields} if fields else {}),
            "num_shards": self._num_shards,
            "packing_version": keys.PACKING_VERSION,
            "vocab_size": self._tokenizer.vocab_size,
        }

    def opened(self) -> Built:
        """Opens the segments, which are there."""
        job_folder.Folder(job_folder.path_of(self.recipes[0].path)).remove(*_NEEDED)
        blocks, *spans = (
            artifacts.open_segment(recipe.path, recipe.kind, verify=False)
            for recipe in self.recipes
        )
        return Built(blocks, spans[0] if spans else None)

    def build(self, *, resume: bool) -> Built:
        """Does what is not done yet."""
        params, reading = self._params, self._params.config.corpus
        segments = [
            outputs.Output(recipe.path, recipe.kind, self._num_shards) for recipe in self.recipes
        ]
        for segment in segments:
            tf.io.gfile.makedirs(segment.path)
        items = build_blocks_sort.items(corpus_formats.units(params.corpus, params.format, reading))
        folder = job_folder.open_folder(
            job_folder.path_of(self.recipes[0].path),
            {"items": items, "shards": self._num_shards},
            resume=resume,
        )
        paths = {segment.kind: segment.path for segment in segments}
        outputs.forget_broken(folder, build_blocks_finish.STEP, **paths)
        _LOGGER.info("packing %s into %s", params.corpus, self.recipes[0].path)
        started = time.monotonic()
        tally, read = self._sort(folder, items)
        packed = self._pack(folder, read, tally, {build_blocks_sort.STEP: len(items)})
        finished = self._finish(folder, segments, packed, tally)
        seconds = round(time.monotonic() - started, 1)
        job_report.write(folder, {**self._head(), "seconds of the last call": seconds}, tally)
        built = self._commit(finished, tally)
        folder.remove(*_NEEDED)
        return built

    def _run(self, fn: work_items.ItemFn, items: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
        work_items.run(fn, items, beam_args=self._beam_args)
        return list(fn.folder.results(fn.step, len(items)))

    def _sort(
        self, folder: job_folder.Folder, items: Sequence[tuple[Any, ...]]
    ) -> tuple[job_report.Tally, list[dict[str, Any]]]:
        """First step."""
        config = self._params.config
        fn = build_blocks_sort.SortFn(
            folder,
            fmt=self._params.format,
            corpus_config=config.corpus,
            num_shards=self._num_shards,
            run_bytes=config.jobs.sort_mb * _MB,
        )
        results = self._run(fn, items)
        tally = job_report.total(results)
        self._check_bad(folder, tally, {build_blocks_sort.STEP: len(items)})
        return tally, results

    def _pack(
        self,
        folder: job_folder.Folder,
        read: Sequence[dict[str, Any]],
        tally: job_report.Tally,
        steps: Mapping[str, int],
    ) -> list[dict[str, Any]]:
        """Second step; completes the tally."""
        runs = build_blocks_sort.runs(folder, read)
        is_ready = corpus_formats.is_ready(self._params.format)
        fn = build_blocks_pack.PackFn(
            folder,
            fmt=self._params.format,
            vocab=self._params.vocab,
            blocks_config=self._params.config.blocks,
            metadata_fields=self._params.config.corpus.metadata_fields,
            first_rows=build_blocks_sort.first_rows(read) if is_ready else {},
        )
        shards = range(self._num_shards)
        packed = self._run(fn, [tuple(map(tuple, sorted_runs.slices(runs, i))) for i in shards])
        tally.add(job_report.total(packed))
        self._check_bad(folder, tally, {**steps, build_blocks_pack.STEP: self._num_shards})
        if not tally.counts["blocks"]:
            raise types.UserError(
                f"No document of {self._params.corpus} has text: there would be no blocks. Check"
                " the pattern."
            )
        return packed

    def _check_bad(
        self, folder: job_folder.Folder, tally: job_report.Tally, steps: Mapping[str, int]
    ) -> None:
        """Stops the job, with a report, if too many records are bad."""
        letters = job_report.collect_dead_letters(folder, steps)
        limit = self._params.config.jobs.max_bad_fraction
        try:
            job_report.check_bad(tally, tally.counts.get("records", 0), limit, letters)
        except types.UserError:
            head = {**self._head(), "stopped": "too many bad records"}
            job_report.write(folder, head, tally)
            raise

    def _head(self) -> dict[str, Any]:
        return {"job": "blocks", "corpus": self._params.corpus}

    def _finish(
        self,
        folder: job_folder.Folder,
        segments: Sequence[outputs.Output],
        packed: list[dict[str, Any]],
        tally: job_report.Tally,
    ) -> list[dict[str, Any]]:
        """Third step."""
        tally.count("duplicate_blocks", build_blocks_finish.find_duplicates(folder, packed))
        fn = build_blocks_finish.FinishFn(
            folder,
            segments,
            vocab_size=self._tokenizer.vocab_size,
            largest_place=max(result["largest_place"] for result in packed),
            metadata_fields=self._params.config.corpus.metadata_fields,
        )
        return self._run(fn, [(number,) for number in range(self._num_shards)])

    def _commit(self, finished: Sequence[dict[str, Any]], tally: job_report.Tally) -> Built:
        counts = {"documents": 0, **tally.beam_counts()}
        if corpus_formats.is_ready(self._params.format):
            skipped = {f"skipped_{reason}": n for reason, n in tally.dropped.items()}
            counts = {"documents": 0, **tally.counts, **skipped}
            self._warn_of_other_wordpieces(counts)
        self._warn_of_fields_without_values(tally)
        files = {
            kind: [file for result in finished for file in result[outputs.FILES][kind]]
            for kind in finished[0][outputs.FILES]
        }
        of_blocks = {n: c for n, c in counts.items() if not n.startswith(_OF_SPANS)}
        blocks = outputs.commit(self.recipes[0].writer(), files[schema.BLOCKS], of_blocks)
        if schema.SPANS not in files:
            return Built(blocks, None)
        of_spans = {n: c for n, c in counts.items() if n.startswith(("blocks", *_OF_SPANS))}
        writer = self.recipes[1].writer(blocks=blocks.fingerprint)
        return Built(blocks, outputs.commit(writer, files[schema.SPANS], of_spans))

    def _warn_of_fields_without_values(self, tally: job_report.Tally) -> None:
        for name in self._params.config.corpus.metadata_fields:
            if not tally.counts[schema.metadata_column(name)]:
                _LOGGER.warning(
                    "No document of %s has a value of %r, which corpus.metadata_fields declares.",
                    self._params.corpus, name,
                )  # fmt: skip

    def _warn_of_other_wordpieces(self, counts: Mapping[str, int]) -> None:
        other, total = counts["with_other_wordpieces"], counts["documents"]
        if other > total / 2:
            _LOGGER.warning(
                "%d of %d records were made with other wordpieces than %s gives. Vectors that were"
                " made of the same records need the vocabulary of their model.",
                *(other, total, self._params.vocab),
            )


def _num_shards(params: Params) -> int:
    """The number of shards that is configured, or one that suits the size of the corpus."""
    wanted = params.config.blocks.num_shards
    return wanted or corpus_formats.num_shards(params.corpus, params.format)


if __name__ == "__main__":
    launch.run(__spec__.name)
