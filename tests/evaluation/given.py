# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Answers that a system might have given, and what it might have found."""

from __future__ import annotations

from typing import Any

from realm_tf import types
from realm_tf.data.questions import questions as questions_lib
from realm_tf.evaluation import predictions


def answer(text: str, **changes: Any) -> types.Answer:
    """An answer whose evidence is its text alone, but for `changes`."""
    values = {
        "probability": 0.25,
        "score": 0.0,
        "retrieval_score": 1.5,
        "reader_score": -1.5,
        "block_id": 1,
        "doc_id": "d",
        "title": "t",
        "block_text": text,
        "byte_start": 0,
        "byte_limit": len(text.encode("utf-8")),
        "char_start": 0,
        "char_limit": len(text),
    }
    return types.Answer(text, **{**values, **changes})


def prediction(
    question: questions_lib.Question,
    *ranked: str,
    evidence: predictions.Evidence | None = None,
) -> predictions.Prediction:
    """A prediction of these answers."""
    return predictions.Prediction(question, tuple(map(answer, ranked)), evidence)


def evidence(**changes: Any) -> predictions.Evidence:
    """What was found in ten blocks, two of which were read; the first holds an answer if found."""
    values = {"depth": 10, "answer_rank": 0, "gold_rank": None, **changes}
    rank = values["answer_rank"]
    read = tuple(
        predictions.ReadBlock(2**64 - 1 - place, "d", "t", "An x.", 1.5 - place, place == rank)
        for place in range(2)
    )
    return predictions.Evidence(**{"is_readable": rank in (0, 1), "blocks": read, **values})
