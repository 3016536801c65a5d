# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Answers that a system might have given."""

from __future__ import annotations

from typing import Any

from realm_tf import types


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
