# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tries a job on the first blocks of its input: the whole job, in a directory that is removed."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable

import tensorflow as tf

from beam_jobs import job_report, waves
from realm_tf import artifacts
from realm_tf.data import blocks

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
    records = itertools.chain.from_iterable(map(blocks.read, files))
    with tempfile.TemporaryDirectory(prefix="preview-") as scratch:
        first = blocks.write_segment(
            scratch,
            itertools.islice(records, count),
            kind=segment.kind,
            num_shards=1,
            settings=segment.settings,
            made_from=segment.made_from,
        )
        made = make(first.path, scratch)
        folder = waves.Folder(waves.job_folder(made.path))
        with tf.io.gfile.GFile(folder.file(job_report.REPORT_TEXT), "r") as f:
            return f.read().replace(first.path, path)
