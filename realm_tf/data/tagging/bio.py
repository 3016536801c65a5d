# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""BIO tags: one per word, the spans that they mean, and the best legal sequence of them.

In IOB2, which is what is used here, every span begins with `B-label` and goes on with `I-label`.
In IOB1, that of the CoNLL-2003 files, a span begins with `B-` only where it touches another one of
its label. BIOES (IOBES), BILOU and BMES also mark the last word of a span and the only one.
`repair` makes IOB2 of all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

OUTSIDE = "O"
PREFIXES = "BIMELSUW"  # begin; inside, middle; end, last; single, unit, whole
_NEVER = -1e9  # log-probability of what must not be


class WordSpan(NamedTuple):
    """Consecutive words of one sentence, and their label."""

    start: int
    limit: int
    label: str


def tags_of(labels: Sequence[str]) -> list[str]:
    """The tags of `labels`: "O", and "B-x" and "I-x" of every label x."""
    return [OUTSIDE, *(f"{prefix}-{label}" for label in labels for prefix in "BI")]


def split(tag: str) -> tuple[str, str]:
    """("B", "PER") of "B-PER"; ("O", "") of "O"."""
    prefix, _, label = tag.partition("-")
    return prefix, label


def is_tag(text: str) -> bool:
    """Whether a text is a tag of one of the schemes that `repair` takes."""
    prefix, label = split(text)
    return text == OUTSIDE or (len(prefix) == 1 and prefix in PREFIXES and label != "")


def repair(tags: Sequence[str]) -> list[str]:
    """Tags of any scheme as IOB2, by the rules of the CoNLL shared tasks' own script, conlleval.

    No sequence is invalid: what goes on with another label, or follows the end of a span or "O",
    begins a span.
    """
    repaired: list[str] = []
    open_label = ""
    for tag in tags:
        prefix, label = split(tag)
        begins = prefix in "BSUW" or label != open_label
        repaired.append(tag if prefix == OUTSIDE else f"{'B' if begins else 'I'}-{label}")
        open_label = "" if prefix in "ELSUW" else label
    return repaired


def spans(tags: Sequence[str]) -> list[WordSpan]:
    """The spans of one sentence's tags, in order; tags that are not IOB2 are repaired."""
    found: list[WordSpan] = []
    for place, tag in enumerate(repair(tags)):
        prefix, label = split(tag)
        if prefix == "B":
            found.append(WordSpan(place, place + 1, label))
        elif prefix == "I":
            found[-1] = found[-1]._replace(limit=place + 1)
    return found


def decode(scores: np.ndarray, tags: Sequence[str]) -> list[str]:
    """The best sequence of tags that is legal BIO (IOB2): Viterbi's algorithm over forbidden steps.

    Args:
      scores: <float>[num_words, num_tags] log-probabilities of every word's tag, up to a constant.
      tags: Names of the columns.

    Returns:
      A tag for every word.
    """
    if not len(scores):
        return []
    greedy = [tags[i] for i in scores.argmax(axis=-1)]
    if repair(greedy) == greedy:  # the best of every word, so the best of all
        return greedy
    steps, starts = _steps(tags)
    best = scores[0] + starts
    origins = np.zeros(scores.shape, np.int64)
    for place in range(1, len(scores)):
        through = best[:, None] + steps
        origins[place] = through.argmax(axis=0)
        best = through.max(axis=0) + scores[place]
    path = [int(best.argmax())]
    for place in range(len(scores) - 1, 0, -1):
        path.append(int(origins[place, path[-1]]))
    return [tags[i] for i in reversed(path)]


def _steps(tags: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Log-weights [from, to] of steps between tags, and [num_tags] of first ones: 0 or never."""
    parts = [split(tag) for tag in tags]
    follows = np.array(
        [[to[0] != "I" or (at[0] in "BI" and at[1] == to[1]) for to in parts] for at in parts]
    )
    begins = np.array([prefix != "I" for prefix, _ in parts])
    return np.where(follows, 0.0, _NEVER), np.where(begins, 0.0, _NEVER)
