# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the report of the blocks job tells of a block."""

from __future__ import annotations

import numpy as np

from beam_jobs.engine import report as job_report
from realm_tf import types
from realm_tf.text import packing

SAMPLES = 5
_HISTOGRAM_STEP = 32  # wordpieces of a block


def count(block: types.Block, tally: job_report.Tally) -> None:
    """Counts and measures a block, and offers it as a sample."""
    tally.count("blocks")
    tally.count("sentences", len(block.sentence_byte_start))
    tally.count("tokens", len(block.token_ids))
    size = packing.block_size(len(block.title_ids), len(block.token_ids))
    tally.measure("wordpieces of a block, with its title", [size], _HISTOGRAM_STEP)
    lengths = np.subtract(block.sentence_byte_limit, block.sentence_byte_start)
    tally.measure("bytes of a sentence", lengths.tolist())
    key = f"{block.block_id:020d}"
    tally.sample(key, SAMPLES, document=block.doc_id, title=block.title, text=block.text)
