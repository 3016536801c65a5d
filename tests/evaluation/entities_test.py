# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Entity precision, recall and F1, against cases counted by hand."""

import pytest

from realm_tf.evaluation import entities


def _score(gold, predicted):
    return entities.score([s.split() for s in gold], [s.split() for s in predicted])


def test_counted_by_hand():
    figures = _score(
        ["B-PER I-PER O B-LOC", "O B-ORG", "B-LOC I-LOC"],
        ["B-PER I-PER O B-ORG", "O B-ORG", "B-LOC O"],
    )
    # Right: the person and the second sentence's ORG. Wrong: a LOC called ORG, half of a LOC.
    assert figures["micro"] == {
        "precision": 2 / 4,
        "recall": 2 / 4,
        "f1": 2 / 4,
        "correct": 2,
        "gold": 4,
        "predicted": 4,
    }
    assert figures["PER"]["f1"] == 1.0
    assert (figures["ORG"]["precision"], figures["ORG"]["recall"]) == (1 / 2, 1.0)
    assert figures["ORG"]["f1"] == pytest.approx(2 / 3)
    assert figures["LOC"]["correct"] == 0
    assert (figures["LOC"]["gold"], figures["LOC"]["predicted"]) == (2, 1)
    assert list(figures) == ["micro", "LOC", "ORG", "PER"]


@pytest.mark.parametrize(
    ("gold", "predicted", "correct"),
    [
        ("B-PER I-PER I-PER", "B-PER I-PER O", 0),  # too short
        ("B-PER I-PER O", "B-PER I-PER I-PER", 0),  # too long
        ("B-PER I-PER", "B-PER B-PER", 0),  # in two
        ("B-PER B-PER", "B-PER I-PER", 0),  # two in one
        ("B-PER I-PER", "B-LOC I-LOC", 0),  # another label
        ("B-PER I-PER", "I-PER I-PER", 1),  # IOB1 means the same
    ],
)
def test_only_exact_entities_count(gold, predicted, correct):
    assert _score([gold], [predicted])["micro"]["correct"] == correct


def test_places_in_other_sentences_do_not_count():
    assert _score(["B-PER", "O"], ["O", "B-PER"])["micro"]["correct"] == 0


def test_nothing_to_find_and_nothing_found():
    assert _score(["O"], ["O"])["micro"]["f1"] == 0.0
    assert _score(["B-PER"], ["O"])["micro"]["precision"] == 0.0


def test_other_lengths_are_refused():
    with pytest.raises(ValueError, match="2 words, but 1"):
        _score(["O O"], ["O"])
    with pytest.raises(ValueError, match="zip"):
        _score(["O O"], [])
