# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""First step of the blocks job: reads a part of the corpus, and sorts its documents into runs.

An item of work is some units of the corpus. Beside its result it writes the runs
`<number>-<run>.docs` and its dead letters.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import tensorflow as tf

from beam_jobs.engine import job_folder, work_items
from beam_jobs.engine import report as job_report
from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.data.corpus import formats as corpus_formats
from realm_tf.data.corpus import records, sorted_runs

STEP = "SortDocuments"

_ITEM_BYTES = 1 << 22  # units of less than that share an item
_ITEM_UNITS = 256


class SortFn(work_items.ItemFn):
    """Sorts the documents of units.

    Args:
      folder: Directory of the job.
      fmt: Format of the corpus.
      corpus_config: Configuration of how the corpus is read.
      num_shards: Number of shards of the segment.
      run_bytes: Size of the documents that are sorted in memory.
    """

    def __init__(
        self,
        folder: job_folder.Folder,
        *,
        fmt: str,
        corpus_config: config_lib.CorpusConfig,
        num_shards: int,
        run_bytes: int,
    ):
        super().__init__(folder, STEP)
        self._fmt = fmt
        self._corpus_config = corpus_config
        self._num_shards = num_shards
        self._run_bytes = run_bytes

    def work(self, number: int, *units: tuple[Any, ...]) -> dict[str, Any]:
        """Sorts; see the class.

        Returns:
          The result: "tally", "counts", the "runs", and for every unit its file and its number of
          records as "records".
        """
        tally = job_report.Tally()
        letters = job_report.DeadLetters(self.folder, STEP, number, tally)
        sorter = sorted_runs.Sorter(
            lambda run: self.folder.file(STEP, f"{number:06d}-{run:03d}.docs"),
            num_shards=self._num_shards,
            run_bytes=self._run_bytes,
        )
        note = self.folder.note(STEP, number)
        total = sum(_num_bytes(records.Unit(*unit)) for unit in units)
        read, counted = 0, []
        for unit in (records.Unit(*unit) for unit in units):
            before = tally.counts.get("records", 0)
            found = corpus_formats.read_unit(unit, self._fmt, self._corpus_config)
            for document in documents_to_sort(found, self._fmt, letters, tally):
                sorter.add(document)
                read += len(document.text)
                note(read, total)
            counted.append([unit.file, tally.counts.get("records", 0) - before])
        runs = [[os.path.basename(run.path), run.offsets] for run in sorter.finish()]
        letters.write()
        counts = tally.beam_counts()
        return {"tally": vars(tally), "counts": counts, "runs": runs, "records": counted}


def documents_to_sort(
    found: Iterable[types.Document | records.Dropped | records.Problem],
    fmt: str,
    letters: job_report.DeadLetters,
    tally: job_report.Tally,
) -> Iterator[types.Document]:
    """Yields the documents that are to be sorted, of all that was read, and counts the rest."""
    for record in found:
        tally.count("records")
        if isinstance(record, types.Document):
            yield record
        elif isinstance(record, records.Dropped):
            tally.drop(record.reason, corpus_formats.place(fmt, record.file, record.number))
        else:
            letters.add(record.file, record.number, "unreadable", record.message)


def items(units: Sequence[records.Unit]) -> list[tuple[tuple[Any, ...], ...]]:
    """Items of work: a unit each, or small units that follow each other together."""
    made: list[tuple[tuple[Any, ...], ...]] = []
    group: list[tuple[Any, ...]] = []
    size = 0
    for unit in units:
        num_bytes = _num_bytes(unit)
        if group and (size + num_bytes > _ITEM_BYTES or len(group) == _ITEM_UNITS):
            made.append(tuple(group))
            group, size = [], 0
        group.append(tuple(unit))
        size += num_bytes
    return [*made, tuple(group)] if group else made


def runs(folder: job_folder.Folder, results: Iterable[dict[str, Any]]) -> list[sorted_runs.Run]:
    """The sorted runs that the items of this step wrote, from their results."""
    return [
        sorted_runs.Run(folder.file(STEP, name), offsets)
        for result in results
        for name, offsets in result["runs"]
    ]


def first_rows(results: Iterable[dict[str, Any]]) -> dict[str, int]:
    """How many records the first step read before every file, in the order of its items."""
    first: dict[str, int] = {}
    row = 0
    for file, count in (unit for result in results for unit in result["records"]):
        first.setdefault(file, row)
        row += count
    return first


def _num_bytes(unit: records.Unit) -> int:
    if unit.byte_limit < 0:
        return tf.io.gfile.stat(unit.file).length - unit.byte_start
    return unit.byte_limit - unit.byte_start
