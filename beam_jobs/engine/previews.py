# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tries a job on the first blocks of its input: the whole job, in a directory that is removed."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable

import tensorflow as tf

from beam_jobs.engine import report as job_report
from beam_jobs.engine import work_items
from realm_tf import artifacts
from realm_tf.data.blocks import schema as block_schema

# Path of the input and directory of the output, to the segment that is made.
Make = Callable[[str, str], artifacts.Segment]


def report(path: str, count: int, make: Make) -> str:
    """The report of a job over the first blocks of a segment; nothing stays of what it writes.

    Args:
      path: Of the "blocks" or "passages" segment.
      count: Of blocks.
      make: Runs the job.

    Raises:
      UserError: If there is no such segment, or as the job does.
    """
    segment = artifacts.open_segment(path)
    files = segment.files(f"{segment.kind}-")
    records = itertools.chain.from_iterable(map(block_schema.read, files))
    with tempfile.TemporaryDirectory(prefix="preview-") as scratch:
        first = block_schema.write_segment(
            scratch,
            itertools.islice(records, count),
            kind=segment.kind,
            num_shards=1,
            settings=segment.settings,
            made_from=segment.made_from,
        )
        made = make(first.path, scratch)
        folder = work_items.Folder(work_items.job_folder(made.path))
        with tf.io.gfile.GFile(folder.file(job_report.REPORT_TEXT), "r") as f:
            return f.read().replace(first.path, path)
