# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Labelled sentences as wordpieces, and batches that depend on seed and index alone."""

import collections

import numpy as np
import pytest

from realm_tf import types
from realm_tf.data.tagging import bio, conll, tag_batches
from realm_tf.text import packing
from tests.text import vocabularies

TOKENIZER = vocabularies.tokenizer()
TAGS = bio.tags_of(["LOC", "PER"])


def sentence(text: str) -> conll.Sentence:
    """A sentence of "word/tag word/tag"; "/O" may be left out."""
    pairs = [word.partition("/")[::2] for word in text.split()]
    return conll.Sentence(tuple(w for w, _ in pairs), tuple(tag or "O" for _, tag in pairs))


def make(*texts: str, length: int = 64) -> list[tag_batches.Example]:
    return tag_batches.make_examples([sentence(t) for t in texts], TAGS, TOKENIZER, length=length)


def _pieces(example):
    """What every wordpiece is taught, "" where nothing."""
    taught = [TAGS[t] if w else "" for t, w in zip(example.targets, example.weights, strict=True)]
    return list(zip([TOKENIZER.vocab[i] for i in example.ids], taught, strict=True))


def test_first_wordpiece_carries_the_tag():
    (example,) = make("Louis/B-PER was in New/B-LOC York/I-LOC")
    assert _pieces(example) == [
        ("lou", "B-PER"),
        ("##is", ""),
        ("was", "O"),
        ("in", "O"),
        ("new", "B-LOC"),
        ("york", "I-LOC"),
    ]
    assert example.words.tolist() == [0, 1, 2, 3, 4]
    assert example.places.tolist() == [0, 2, 3, 4, 5]


def test_a_word_of_several_words_goes_on_inside():
    (example,) = make("new-york/B-LOC u.s./I-LOC born-in")
    assert [tag for _, tag in _pieces(example)] == [
        *("B-LOC", "I-LOC", "I-LOC", "I-LOC", "I-LOC", "I-LOC", "I-LOC"),
        *("O", "O", "O"),
    ]
    assert example.words.tolist() == [0, 1, 2]
    assert [TOKENIZER.vocab[example.ids[p]] for p in example.places] == ["new", "u", "born"]


def test_bytes_not_characters_find_the_word():
    (example,) = make("éé/B-PER é of/B-LOC")
    assert example.words.tolist() == [0, 1, 2]
    assert example.targets[example.places].tolist() == [
        TAGS.index(t) for t in ("B-PER", "O", "B-LOC")
    ]


def test_word_without_wordpieces_has_no_place():
    (example,) = make("the \u200b/B-LOC city")
    assert example.words.tolist() == [0, 2]


def test_tags_of_no_label_are_not_learned():
    (example,) = make("new/B-THING city")
    assert example.weights.tolist() == [0.0, 1.0]


def test_long_sentences_are_divided_between_words():
    text = "louis/B-PER was born in warsaw/B-LOC"  # 6 wordpieces
    parts = make(text, text, length=16 - 9)  # 5 wordpieces
    assert [part.sentence for part in parts] == [0, 0, 1, 1]
    assert [len(part.ids) for part in parts[:2]] == [5, 1]
    assert [part.words.tolist() for part in parts[:2]] == [[0, 1, 2, 3], [4]]
    assert parts[1].places.tolist() == [0]


@pytest.mark.parametrize(
    ("first", "size", "expected"),
    [
        ([1, 0, 1, 0, 0], 3, [(0, 2), (2, 5)]),
        ([1, 0, 0, 0, 0], 2, [(0, 2), (2, 4), (4, 5)]),  # one word that is too long
        ([1, 1, 1], 3, [(0, 3)]),
        ([], 3, []),
    ],
)
def test_windows(first, size, expected):
    assert list(tag_batches.windows(np.array(first, bool), size)) == expected


def _many() -> list[tag_batches.Example]:
    return make(*(" ".join(["the"] * (n % 40 + 1)) for n in range(70)))


def _batches(seed=0, batch_size=8):
    return tag_batches.TagBatches(_many(), TOKENIZER, batch_size=batch_size, length=64, seed=seed)


def test_an_epoch_has_every_example_in_batches_of_its_length():
    batches = _batches()
    sizes = collections.Counter()
    for index in range(batches.batches_per_epoch):
        batch = batches.make_batch(index)
        rows, length = batch.inputs.word_ids.shape
        assert rows == 8
        lengths = batch.inputs.mask.sum(-1)
        assert length in (16, 32, 48, 64)
        assert (packing.bucket_lengths(lengths, 64, 16) == length).all()
        assert batch.weights.sum() == (lengths - 2).sum()
        sizes.update(lengths.tolist())
    expected = collections.Counter(len(e.ids) + 2 for e in _many())
    assert not expected - sizes
    assert sum(sizes.values()) - sum(expected.values()) < 3 * 8


def test_batches_depend_on_seed_and_index_alone():
    one, again, other = _batches(), _batches(), _batches(seed=1)
    indexes = range(2 * one.batches_per_epoch)
    there = [one.make_batch(i).inputs.word_ids for i in indexes]
    back = [again.make_batch(i).inputs.word_ids for i in reversed(indexes)]
    for left, right in zip(there, reversed(back), strict=True):
        np.testing.assert_array_equal(left, right)
    epoch = one.batches_per_epoch
    assert any(a.shape != b.shape for a, b in zip(there[:epoch], there[epoch:], strict=True))
    others = [other.make_batch(i).inputs.word_ids for i in indexes]
    assert any(a.shape != b.shape for a, b in zip(there, others, strict=True))


def test_no_example_is_refused():
    with pytest.raises(types.UserError, match="no training sentence"):
        tag_batches.TagBatches([], TOKENIZER, batch_size=2, length=64, seed=0)


def test_packed_targets_stand_under_their_wordpieces():
    batch = tag_batches.pack(make("Louis/B-PER was"), 8, TOKENIZER)
    assert batch.inputs.mask.tolist() == [[1, 1, 1, 1, 1, 0, 0, 0]]
    assert batch.targets.tolist() == [[0, TAGS.index("B-PER"), 0, 0, 0, 0, 0, 0]]
    assert batch.weights.tolist() == [[0, 1, 0, 1, 0, 0, 0, 0]]
