# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of how questions are read."""

from __future__ import annotations

import dataclasses

from realm_tf.config import ranges


@dataclasses.dataclass(frozen=True)
class QuestionsConfig(ranges.Section):
    """How the files of questions are read, those of training and of dev alike."""

    format: str = ranges.setting(
        "jsonl",
        "Format of the files: `jsonl` (ours, NQ-open's, DrQA's, and lines of DPR's TSV), `dpr_tsv`,"
        " `dpr_json`, `squad` or `webquestions`, as these data sets are handed out"
        " ([data-formats.md](data-formats.md#questions)).",
        choices=("jsonl", "dpr_tsv", "dpr_json", "squad", "webquestions"),
    )
    answers_are_patterns: bool = ranges.setting(
        False,
        "Whether `answer` and `answers` hold regular expressions, as in the file of CuratedTREC"
        " that DrQA hands out. The key `answer_regex` needs no such setting.",
    )
