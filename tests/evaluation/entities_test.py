# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Entity precision, recall and F1, against cases counted by hand and conlleval's rules."""

import itertools
import random

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


def _starts(before, tag):
    """conlleval's startOfChunk, for tags "O", "B-x" and "I-x"."""
    return tag[0] == "B" or (tag[0] == "I" and (before == "O" or before[1:] != tag[1:]))


def _ends(before, tag):
    """conlleval's endOfChunk."""
    return before != "O" and (tag[0] in "BO" or before[1:] != tag[1:])


def _conlleval(gold, predicted):
    """conlleval's count, word after word: (correct, gold, predicted) entities."""
    rows = [("O", "O")]
    for sentence in zip(gold, predicted, strict=True):
        rows += [*zip(*sentence, strict=True), ("O", "O")]
    counts, inside = [0, 0, 0], False
    for (gold_before, found_before), (right, found) in itertools.pairwise(rows):
        ends = _ends(gold_before, right), _ends(found_before, found)
        counts[0] += inside and all(ends)
        inside &= not any(ends) and right[2:] == found[2:]
        starts = _starts(gold_before, right), _starts(found_before, found)
        inside |= all(starts) and right[2:] == found[2:]
        counts[1] += starts[0]
        counts[2] += starts[1]
    return tuple(counts)


@pytest.mark.parametrize("seed", range(50))
def test_numbers_are_those_of_conlleval(seed):
    rng = random.Random(seed)
    tags = ["O", "O", *(f"{prefix}-{label}" for prefix in "BI" for label in ("PER", "LOC", "a-b"))]
    gold = [[rng.choice(tags) for _ in range(rng.randint(0, 9))] for _ in range(20)]
    predicted = [[t if rng.random() < 0.7 else rng.choice(tags) for t in s] for s in gold]
    micro = entities.score(gold, predicted)["micro"]
    found = micro["correct"], micro["gold"], micro["predicted"]
    assert found == _conlleval(gold, predicted)
    assert found[0] > 5
    assert micro["precision"] == found[0] / found[2]
    assert micro["recall"] == found[0] / found[1]
    both = micro["precision"] + micro["recall"]
    assert micro["f1"] == pytest.approx(2 * micro["precision"] * micro["recall"] / both)
