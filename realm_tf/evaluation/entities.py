# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Entity-level precision, recall and F1, as the CoNLL-2003 shared task defines them.

An entity is right if its first word, its last word and its label are all those of an entity of the
reference (Tjong Kim Sang and De Meulder, 2003, section 2.4): nothing is given for a part of one.
Micro figures count the entities of all labels together.
"""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence
from typing import Any

from realm_tf.data.tagging import bio


def score(
    gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]
) -> dict[str, dict[str, Any]]:
    """Scores predicted BIO tags against the right ones by whole entities.

    Args:
      gold: The right BIO tags of every sentence.
      predicted: The predicted BIO tags of the same sentences and words.

    Returns:
      "micro", and every label of either side, to `precision`, `recall`, `f1`, `correct`, `gold`
      and `predicted` (numbers of entities).
    """
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for gold_tags, predicted_tags in zip(gold, predicted, strict=True):
        if len(gold_tags) != len(predicted_tags):
            raise ValueError(f"{len(gold_tags)} words, but {len(predicted_tags)} predicted tags.")
        right, found = set(bio.spans(gold_tags)), set(bio.spans(predicted_tags))
        for name, spans in (("gold", right), ("predicted", found), ("correct", right & found)):
            for span in spans:
                counts[span.label][name] += 1
                counts["micro"][name] += 1
    return {
        label: _figures(counts[label]) for label in ["micro", *sorted(counts.keys() - {"micro"})]
    }


def _figures(counts: Mapping[str, int]) -> dict[str, Any]:
    correct, gold, predicted = (counts[name] for name in ("correct", "gold", "predicted"))
    return {
        "precision": correct / predicted if predicted else 0.0,
        "recall": correct / gold if gold else 0.0,
        "f1": 2 * correct / (gold + predicted) if gold + predicted else 0.0,
        "correct": correct,
        "gold": gold,
        "predicted": predicted,
    }
