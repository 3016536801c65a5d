# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Entity-level precision, recall and F1, as the CoNLL-2003 shared task defines them (seqeval).

An entity is right if its first word, its last word and its label are all those of an entity of the
reference (Tjong Kim Sang and De Meulder, 2003, section 2.4): nothing is given for a part of one.
seqeval finds entities as the task's own script, conlleval, does. Micro figures count the entities
of all labels together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seqeval.metrics import sequence_labeling

_Entities = set[tuple[str, int, int]]  # label, first word, last word


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
    for gold_tags, predicted_tags in zip(gold, predicted, strict=True):
        if len(gold_tags) != len(predicted_tags):
            raise ValueError(f"{len(gold_tags)} words, but {len(predicted_tags)} predicted tags.")
    right, found = (
        set(sequence_labeling.get_entities([list(tags) for tags in side]))
        for side in (gold, predicted)
    )
    labels = sorted({entity[0] for entity in right | found})
    figures = {
        label: _figures(*(_only(label, side) for side in (right, found))) for label in labels
    }
    return {"micro": _figures(right, found), **figures}


def _only(label: str, entities: _Entities) -> _Entities:
    return {entity for entity in entities if entity[0] == label}


def _figures(right: _Entities, found: _Entities) -> dict[str, Any]:
    correct, gold, predicted = len(right & found), len(right), len(found)
    return {
        "precision": correct / predicted if predicted else 0.0,
        "recall": correct / gold if gold else 0.0,
        "f1": 2 * correct / (gold + predicted) if gold + predicted else 0.0,
        "correct": correct,
        "gold": gold,
        "predicted": predicted,
    }
