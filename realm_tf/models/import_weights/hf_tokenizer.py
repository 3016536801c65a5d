# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads what a Hugging Face model directory says of its tokenizer: vocabulary, case, accents.

Many directories say nothing of the case, and the default of `transformers` is to lower-case. Of a
cased vocabulary that makes unknown words without an error; so here the vocabulary decides then.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from realm_tf import artifacts
from realm_tf.text.inputs import lines

_CAPITALS = 0.01  # share of wordpieces; an uncased vocabulary has hardly any by mistake


class HfTokenizer(NamedTuple):
    """What a directory says of its tokenizer.

    Attributes:
      vocab_file: Path of vocab.txt; None if there is none.
      lower_case: Whether texts are lower-cased.
      notes: For the user: what was concluded, and what our tokenizer does otherwise.
    """

    vocab_file: str | None
    lower_case: bool
    notes: tuple[str, ...] = ()


def read(path: str) -> HfTokenizer:
    """Reads tokenizer_config.json, tokenizer.json and vocab.txt of a directory, where they are.

    Raises:
      UserError: If one of them cannot be read.
    """
    config = _read_json(os.path.join(path, "tokenizer_config.json"))
    normalizers = list(_normalizers(_read_json(os.path.join(path, "tokenizer.json"))))
    vocab_file = os.path.join(path, "vocab.txt")
    has_vocab = tf.io.gfile.exists(vocab_file)
    is_cased = has_vocab and _has_capitals(vocab_file)
    said = config.get("do_lower_case")
    if said is None and normalizers:
        said = any(n.get("type") == "Lowercase" or n.get("lowercase") for n in normalizers)
    lower_case = not is_cased if said is None else bool(said)
    notes = []
    if is_cased and said is None:
        notes.append("the vocabulary has capitals, so texts are not lower-cased")
    elif is_cased and lower_case:
        notes.append("the source lower-cases texts, but its vocabulary has capitals: is it so?")
    accents = [config, *normalizers]
    strips = next((a["strip_accents"] for a in accents if a.get("strip_accents") is not None), None)
    if strips is not None and bool(strips) != lower_case:
        notes.append(
            f"the source's strip_accents {str(bool(strips)).lower()} cannot be kept: our tokenizer"
            " strips accents where it lower-cases, and nowhere else"
        )
    return HfTokenizer(vocab_file if has_vocab else None, lower_case, tuple(notes))


def _read_json(path: str) -> dict[str, Any]:
    return artifacts.read_json(path) if tf.io.gfile.exists(path) else {}


def _normalizers(tokenizer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The normalizers of a tokenizer.json; one that does nothing if it says that there is none."""
    if "normalizer" in tokenizer:
        whole = tokenizer["normalizer"] or {}
        yield from whole.get("normalizers") or [whole]


def _has_capitals(vocab_file: str) -> bool:
    words = [word for _, word in lines.read_lines(vocab_file) if not word.startswith("[")]
    return sum(word != word.lower() for word in words) > _CAPITALS * len(words)
