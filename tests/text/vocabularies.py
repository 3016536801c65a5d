# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A small vocabulary for tests, which knows every ASCII letter, and some words."""

import functools
import string

from realm_tf.text import tokenizer as tokenizer_lib
from realm_tf.text import vocabulary

_CHARACTERS = string.ascii_lowercase + string.digits
_WORDS = (
    *("the", "of", "in", "was", "born", "city", "river", "warsaw", "chicago", "war", "may"),
    *("new", "york", "university", "lou", "##is"),
)


def small() -> list[str]:
    """Special tokens, characters with their "##" forms, punctuation, and a few words."""
    pieces = [*_CHARACTERS, *(f"##{c}" for c in _CHARACTERS), *string.punctuation, *_WORDS]
    return [*vocabulary.SPECIAL_TOKENS, *dict.fromkeys(pieces)]


@functools.cache
def tokenizer(lower_case: bool = True) -> tokenizer_lib.Tokenizer:
    """A tokenizer with the small vocabulary."""
    return tokenizer_lib.Tokenizer(small(), lower_case=lower_case)
