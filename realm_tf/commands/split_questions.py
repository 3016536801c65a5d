# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`realm data split`: divides a file of questions as the original code does, by their hash.

ORQA takes a tenth of the training questions of Natural Questions, WebQuestions and CuratedTREC for
development, and the published development set for test, because the published test sets are small
or hidden (Lee et al., 2019, section 7.1).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.artifacts import gfile
from realm_tf.data.questions import questions as questions_lib

PARTS = ("train", "dev")

_BUCKETS, _SHARE = 100_000, 10  # one of ten, of so many buckets of FarmHash


def split(path: str, output: str, reading: config_lib.QuestionsConfig) -> dict[str, int]:
    """Writes `train.jsonl` and `dev.jsonl` with the questions of a file, each atomically.

    Args:
      path: File of questions.
      output: Directory, in which neither of the two may be.
      reading: How the file is read.

    Returns:
      Number of questions in each.

    Raises:
      UserError: If the file cannot be read, or one of the two is there already.
    """
    questions = questions_lib.read(path, reading)
    is_dev = in_dev([question.question for question in questions])
    paths = {part: os.path.join(output, f"{part}.jsonl") for part in PARTS}
    for written in paths.values():
        if gfile.exists(written):
            raise types.UserError(f"{written} is there already. Give another --output.")
    chosen = {"train": ~is_dev, "dev": is_dev}
    with artifacts.storage_errors():
        artifacts.make_directory(output)
        for part, which in chosen.items():
            kept = [questions[place] for place in np.flatnonzero(which).tolist()]
            artifacts.write_text(paths[part], "".join(map(_line, kept)))
    return {part: int(which.sum()) for part, which in chosen.items()}


def in_dev(questions: Sequence[str]) -> np.ndarray:
    """Whether questions are of the part for development, by FarmHash of their text, <bool>[n]."""
    buckets = tf.strings.to_hash_bucket_fast(tf.constant(list(questions), tf.string), _BUCKETS)
    found: np.ndarray = buckets.numpy() % _SHARE == 0
    return found


def _line(question: questions_lib.Question) -> str:
    record: dict[str, Any] = {"id": question.question_id, "question": question.question}
    record["answer_regex" if question.is_regex else "answers"] = list(question.answers)
    if question.doc_ids:
        record["doc_ids"] = list(question.doc_ids)
    return json.dumps(record, ensure_ascii=False) + "\n"
