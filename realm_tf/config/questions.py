# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of how questions are read."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class QuestionsConfig:
    """Configuration of the files of questions, training and dev alike.

    `answers_are_patterns` says that `answer` and `answers` hold regular expressions, as in the file
    of CuratedTREC that DrQA and Anserini hand out. A key `answer_regex` needs no such setting.
    """

    answers_are_patterns: bool = False
