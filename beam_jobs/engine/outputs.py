# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The shards of the segment that a job writes.

A worker writes a shard aside, renames it, and puts its size and checksum into the result of its
item: so the launcher reads no shard again. A killed job leaves only whole shards.
"""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf

from beam_jobs.engine import job_folder
from realm_tf import artifacts
from realm_tf.data.blocks import shards

# In an item's result: kind of a segment to what is told of the files written into it.
FILES = "files"

_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Output:
    """The segment that a job writes.

    Attributes:
      path: Directory of the segment.
      kind: Kind of the segment, with which the names of its shards begin: "blocks", "spans", ...
      num_shards: Number of its shards.
      suffix: What the names of its shards end with.
    """

    path: str
    kind: str
    num_shards: int
    suffix: str = "arrow"

    def name(self, number: int) -> str:
        """File name of a shard."""
        return shards.name(number, self.num_shards, self.kind, self.suffix)

    def shard(self, number: int) -> str:
        """Path of a shard."""
        return os.path.join(self.path, self.name(number))

    def measure(self, number: int, num_records: int) -> dict[str, Any]:
        """What a result tells of a shard that an item wrote."""
        return measure(self.path, self.name(number), num_records)


def measure(path: str, name: str, num_records: int) -> dict[str, Any]:
    """What a result tells of a file that an item wrote into the segment at `path`."""
    return dataclasses.asdict(artifacts.measure(path, name, num_records))


def forget_broken(folder: job_folder.Folder, step: str, **paths: str) -> None:
    """Removes what a killed job left half-done.

    Args:
      folder: Directory of the job.
      step: Step whose results tell `FILES`: of every kind of segment, the files that were written.
      **paths: Directories of these segments, by kind.
    """

    def is_whole(number: int) -> bool:
        found = folder.result(step, number)[FILES]
        return all(
            _size(os.path.join(path, file["name"])) == file["num_bytes"]
            for kind, path in paths.items()
            for file in found[kind]
        )

    job_folder.forget_broken(folder, step, paths.values(), is_whole)


def commit(
    writer: artifacts.SegmentWriter, files: Iterable[Mapping[str, Any]], totals: Mapping[str, int]
) -> artifacts.Segment:
    """Adds files that items wrote to the segment, and commits it.

    Args:
      writer: Writer of the segment.
      files: What the results tell of its files.
      totals: Counts of the segment.
    """
    for file in files:
        writer.add(file["name"], measured=artifacts.Shard(**file))
    told = ", ".join(f"{number} {what}" for what, number in totals.items())
    _LOGGER.info("%s: %s", writer.path, told)
    return writer.commit(**totals)


def _size(path: str) -> int:
    return tf.io.gfile.stat(path).length if tf.io.gfile.exists(path) else -1
