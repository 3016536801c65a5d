# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""BIO tags: what is legal, what spans they mean, and the best legal sequence."""

import itertools

import numpy as np
import pytest

from realm_tf.data.tagging import bio

TAGS = bio.tags_of(["LOC", "PER"])


def test_tags_of_labels():
    assert TAGS == ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    assert [bio.split(tag) for tag in ("O", "B-LOC", "I-a-b")] == [
        ("O", ""),
        ("B", "LOC"),
        ("I", "a-b"),
    ]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("O I-PER I-PER O", "O B-PER I-PER O"),  # IOB1
        ("I-PER B-PER I-LOC", "B-PER B-PER B-LOC"),
        ("B-PER I-PER B-PER", "B-PER I-PER B-PER"),
        ("I-LOC O I-LOC", "B-LOC O B-LOC"),
        ("B-PER E-PER E-PER S-PER I-PER", "B-PER I-PER B-PER B-PER B-PER"),  # BIOES
        ("U-LOC B-LOC L-LOC I-LOC O L-LOC", "B-LOC B-LOC I-LOC B-LOC O B-LOC"),  # BILOU
        ("B-PER M-PER E-PER W-LOC M-LOC", "B-PER I-PER I-PER B-LOC B-LOC"),  # BMES
        ("S-LOC S-LOC E-LOC", "B-LOC B-LOC B-LOC"),
        ("", ""),
    ],
)
def test_repair(tags, expected):
    assert bio.repair(tags.split()) == expected.split()


def test_spans():
    assert bio.spans(["B-PER", "I-PER", "O", "B-LOC", "B-LOC", "I-PER"]) == [
        (0, 2, "PER"),
        (3, 4, "LOC"),
        (4, 5, "LOC"),
        (5, 6, "PER"),
    ]
    assert bio.spans([]) == []


@pytest.mark.parametrize("seed", range(30))
def test_decoding_is_the_best_of_all_legal_sequences(seed):
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 2, (4, len(TAGS)))
    legal = [s for s in itertools.product(TAGS, repeat=4) if bio.repair(s) == list(s)]
    assert len(legal) < len(TAGS) ** 4

    def total(sequence):
        return sum(scores[i, TAGS.index(tag)] for i, tag in enumerate(sequence))

    assert bio.decode(scores, TAGS) == list(max(legal, key=total))


def test_decoding_gives_up_the_best_tag_for_a_legal_sequence():
    scores = np.log([[0.6, 0.3, 0.0001, 0.05, 0.05], [0.1, 0.1, 0.7, 0.05, 0.05]])
    assert bio.decode(scores, TAGS) == ["B-LOC", "I-LOC"]  # not "O", "I-LOC"
    assert bio.decode(scores[:0], TAGS) == []
