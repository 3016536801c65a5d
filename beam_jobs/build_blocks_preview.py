# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tries the blocks job on the first records of a corpus; nothing is written."""

from __future__ import annotations

import itertools

from beam_jobs import build_blocks, build_blocks_pack, build_blocks_sort
from beam_jobs.engine import job_folder, tokenizers
from beam_jobs.engine import report as job_report
from realm_tf.data.corpus import formats as corpus_formats
from realm_tf.data.corpus import sorted_runs


def preview(params: build_blocks.Params, count: int) -> str:
    """The report of the first `count` records of a corpus; nothing is written."""
    reading, fmt = params.config.corpus, params.format
    tally = job_report.Tally()
    letters = job_report.DeadLetters(job_folder.Folder(""), build_blocks_sort.STEP, 0, tally)
    found = (
        record
        for unit in corpus_formats.units(params.corpus, fmt, reading)
        for record in corpus_formats.read_unit(unit, fmt, reading)
    )
    first = list(
        build_blocks_sort.documents_to_sort(itertools.islice(found, count), fmt, letters, tally)
    )
    made = build_blocks_pack.passages(
        sorted(first, key=sorted_runs.order),
        fmt,
        tokenizers.open_once(params.vocab),
        params.config.blocks,
        {document.file: 0 for document in first},
        letters,
        tally,
    )
    for _ in made:
        pass
    head = {"dry run": f"the first {count} records of {params.corpus}"}
    return job_report.render(head, tally)
