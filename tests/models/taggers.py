# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A tagger whose weights were written by hand: it gives every wordpiece the tag of a table."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np

from realm_tf import artifacts
from realm_tf.data.tagging import bio
from realm_tf.models import span_tagger, variable_names
from realm_tf.models.inference import tagger_export
from realm_tf.text import tokenizer as tokenizer_lib
from tests.models import tiny

LENGTH = 24
_ENCODER = dataclasses.replace(tiny.ENCODER, max_positions=LENGTH)


def make(
    tokenizer: tokenizer_lib.Tokenizer, tags: list[str], tag_of: Mapping[str, str]
) -> span_tagger.SpanTagger:
    """Every wordpiece's embedding points to its tag, and nothing else adds to it."""
    model = span_tagger.SpanTagger(_ENCODER, tokenizer.vocab_size, len(tags)).build_weights()
    variables = variable_names.of_span_tagger(model)
    for name, variable in variables.items():
        value = np.ones if name.endswith("gamma") else np.zeros
        variable.assign(value(variable.shape, np.float32))
    axes = np.eye(_ENCODER.hidden_size, dtype=np.float32)
    numbers = [tags.index(tag_of.get(piece, bio.OUTSIDE)) for piece in tokenizer.vocab]
    variables["encoder/word_embeddings"].assign(axes[numbers])
    variables["tag/kernel"].assign(axes[:, : len(tags)])
    return model


def segment(
    root: pathlib.Path,
    tokenizer: tokenizer_lib.Tokenizer,
    tag_of: Mapping[str, str],
    *,
    dtype: str = "float32",
) -> artifacts.Segment:
    """It as a "span_tagger" segment."""
    labels = sorted({bio.split(tag)[1] for tag in tag_of.values()} - {""})
    model = make(tokenizer, bio.tags_of(labels), tag_of)
    return tagger_export.export(
        tagger_export.LeanTagger(model, _ENCODER, dtype=dtype),
        str(root / "span_tagger"),
        tokenizer=tokenizer,
        settings={"labels": labels, "length": LENGTH},
        made_from={"tokenizer": tokenizer.fingerprint},
        metrics={"dev": {}},
        counts={"steps": 0},
    )
