# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tries a job on the first blocks of its input: the whole job, in a directory that is removed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable

import tensorflow as tf

from beam_jobs.engine import job_folder
from beam_jobs.engine import report as job_report
from realm_tf import artifacts
from realm_tf.data.blocks import shards

# Paths of blocks and of their spans, and directory of the output, to the segment that is made.
Make = Callable[[str, str | None, str], artifacts.Segment]


def report(path: str, count: int, make: Make, spans: str | None = None) -> str:
    """The report of a job over the first blocks of a segment; nothing stays of what it writes.

    Args:
      path: Path of the "blocks" segment.
      count: Number of blocks.
      make: Runs the job.
      spans: Path of the "spans" segment that marks the blocks, if the job reads it.

    Raises:
      UserError: If there is no such segment, or as the job does.
    """
    blocks = artifacts.open_segment(path)
    marking = None if spans is None else artifacts.open_segment(spans)
    with tempfile.TemporaryDirectory(prefix="preview-") as scratch:
        first, marks = shards.head(blocks, marking, count, scratch)
        made = make(first.path, None if marks is None else marks.path, scratch)
        folder = job_folder.Folder(job_folder.path_of(made.path))
        with tf.io.gfile.GFile(folder.file(job_report.REPORT_TEXT), "r") as f:
            return f.read().replace(first.path, path)
