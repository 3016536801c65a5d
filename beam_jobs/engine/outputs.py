# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How the jobs write: one keyed shard at a time, the same bytes however many workers there are.

A shard's records meet at one worker, which sorts them, writes them aside and renames the file. A
killed job leaves only whole shards, and a second run writes the same ones again.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import logging
import os
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import Any

import apache_beam as beam
import tensorflow as tf

from beam_jobs.engine import work_items
from realm_tf import artifacts, types
from realm_tf.data.blocks import shards

_REPORT = "report.json"

_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Output:
    """The segment that a job writes.

    Attributes:
      path: Its directory.
      kind: Kind of the segment, with which the names of its shards begin: "blocks", "spans", ...
      num_shards: Number of its shards.
      suffix: What the names of its shards end with.
    """

    path: str
    kind: str
    num_shards: int
    suffix: str = "arrow"


class GroupByShard(beam.PTransform):
    """(shard, row) to (shard, rows in any order), for every shard, even one without rows.

    Args:
      num_shards: Shards are 0 to `num_shards` - 1.
    """

    def __init__(self, num_shards: int):
        super().__init__()
        self._num_shards = num_shards

    def expand(
        self, rows: beam.PCollection[tuple[int, Any]]
    ) -> beam.PCollection[tuple[int, Iterable[Any]]]:
        """Groups what is there with one None per shard."""
        # One None per shard, so that there is something to group where there are no rows.
        every = rows.pipeline | "Every" >> beam.Create([(i, None) for i in range(self._num_shards)])
        return (
            (rows, every)
            | beam.Flatten()
            | beam.GroupByKey()
            | beam.MapTuple(lambda shard, found: (shard, [r for r in found if r is not None]))
        )


def count_blocks(blocks: Iterable[types.Block], counts: MutableMapping[str, int]) -> None:
    """Adds blocks to the counts "blocks", "sentences" and "tokens"."""
    for block in blocks:
        found = {
            "blocks": 1,
            "sentences": len(block.sentence_byte_start),
            "tokens": len(block.token_ids),
        }
        for name, number in found.items():
            counts[name] = counts.get(name, 0) + number


def require_blocks(count: int, kind: str, source: str) -> None:
    """Refuses an output without rows.

    Raises:
      UserError: If there are none, naming the source.
    """
    if not count:
        raise types.UserError(
            f"No document of {source} has text: there would be no {kind}. Check the pattern."
        )


def shard_name(output: Output, number: int) -> str:
    """File name of a shard of the segment."""
    return shards.name(number, output.num_shards, output.kind, output.suffix)


def shard_path(output: Output, number: int) -> str:
    """Path of a shard of the segment."""
    return os.path.join(output.path, shard_name(output, number))


def shard_bytes(output: Output, number: int) -> int:
    """Size of a shard of the segment; -1 if it is not there."""
    path = shard_path(output, number)
    return tf.io.gfile.stat(path).length if tf.io.gfile.exists(path) else -1


def forget_broken(folder: work_items.Folder, step: str, output: Output) -> None:
    """Removes what a killed job left half-done.

    Args:
      folder: Directory of the job.
      step: Whose items are the shards, and whose results hold their "num_bytes".
      output: The segment.
    """

    def is_whole(number: int) -> bool:
        return shard_bytes(output, number) == folder.result(step, number)["num_bytes"]

    work_items.forget_broken(folder, step, output.path, is_whole)


class WriteReport(beam.PTransform):
    """(shard, counts) of every shard to one file, for `commit`.

    Args:
      output: The segment.
    """

    def __init__(self, output: Output):
        super().__init__()
        self._output = output

    def expand(
        self, counts: beam.PCollection[tuple[int, dict[str, int]]]
    ) -> beam.PCollection[None]:
        """Writes one file, whatever the number of workers."""
        path = _report_path(self._output)
        return (
            counts
            | beam.combiners.ToList()
            | beam.Map(lambda found: artifacts.write_text(path, json.dumps(sorted(found))))
        )


def commit(writer: artifacts.SegmentWriter, output: Output, source: str) -> artifacts.Segment:
    """Adds the shards that the job wrote to the segment, and commits it.

    Args:
      writer: Writer of the segment.
      output: What the job wrote.
      source: What it read, for the error.

    Raises:
      UserError: If the segment would hold no records.
    """
    report: Sequence[tuple[int, dict[str, int]]] = artifacts.read_json(_report_path(output))
    totals: collections.Counter[str] = collections.Counter()
    for _, counts in report:
        totals.update(counts)
    num_records = [counts["blocks"] for _, counts in report]
    tf.io.gfile.remove(_report_path(output))
    return commit_shards(writer, output, num_records, totals, source)


def commit_shards(
    writer: artifacts.SegmentWriter,
    output: Output,
    num_records: Sequence[int],
    totals: Mapping[str, int],
    source: str,
) -> artifacts.Segment:
    """Adds all shards, which are there, to the segment, and commits it.

    Args:
      writer: Writer of the segment.
      output: The segment.
      num_records: Number of records of every shard.
      totals: Counts of the segment.
      source: What it was made of, for the error.

    Raises:
      UserError: If the segment would hold no records.
    """
    require_blocks(totals["blocks"], output.kind, source)
    for number, records in enumerate(num_records):
        name = shard_name(output, number)
        writer.add(name, num_records=records)
    _LOGGER.info("%s: %s", output.path, ", ".join(f"{n} {what}" for what, n in totals.items()))
    return writer.commit(**totals)


def _report_path(output: Output) -> str:
    return os.path.join(output.path, _REPORT)
