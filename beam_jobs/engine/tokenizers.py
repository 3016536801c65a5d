# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The tokenizer of a worker process."""

from __future__ import annotations

import functools

from realm_tf import artifacts
from realm_tf.text import tokenizer as tokenizer_lib


@functools.lru_cache(maxsize=1)
def open_once(vocab: str) -> tokenizer_lib.Tokenizer:
    """The tokenizer of the "vocab" segment at a path; one per process, as segments never change."""
    return tokenizer_lib.Tokenizer.open(vocab)


def check(vocab: str, *parts: artifacts.Segment) -> tokenizer_lib.Tokenizer:
    """Opens the tokenizer of a "vocab" segment, which segments were made with.

    Raises:
      UserError: If one of them was made with another, naming both.
    """
    tokenizer = open_once(vocab)
    for part in parts:
        artifacts.require_same(
            "tokenizer",
            (part.path, part.made_from.get("tokenizer")),
            (vocab, tokenizer.fingerprint),
        )
    return tokenizer
