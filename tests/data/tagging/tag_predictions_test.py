# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""From scores to tags: in batches by length, each sentence for itself, BIO kept legal."""

import numpy as np

from realm_tf.data.tagging import bio, tag_batches, tag_predictions
from tests.data.tagging import tag_batches_test
from tests.text import vocabularies

TOKENIZER = vocabularies.tokenizer()
TAGS = bio.tags_of(["LOC"])


def _logits_fn(calls, by_piece):
    """Scores that depend on the wordpiece alone."""

    def logits(inputs):
        calls.append(inputs.word_ids.shape)
        table = np.full((TOKENIZER.vocab_size, len(TAGS)), [1.0, 0.0, 0.0], np.float32)
        for piece, scores in by_piece.items():
            table[TOKENIZER.vocab.index(piece)] = scores
        return table[inputs.word_ids]

    return logits


def _predict(sentences, calls, by_piece, *, length=64, batch_size=2):
    made = [tag_batches_test.sentence(s) for s in sentences]
    examples = tag_batches.make_examples(made, TAGS, TOKENIZER, length=length)
    return tag_predictions.predict(
        examples,
        [len(s.words) for s in made],
        _logits_fn(calls, by_piece),
        TOKENIZER,
        TAGS,
        length=length,
        batch_size=batch_size,
    )


BY_PIECE = {"new": [0, 2.5, 3], "york": [0, 2, 3], "##is": [0, 9, 9]}


def test_tags_are_legal_and_in_their_places():
    calls = []
    texts = ["the new york in the city of the new", "new", "the louis", "\u200b new"]
    assert [" ".join(tags) for tags in _predict(texts, calls, BY_PIECE)] == [
        "O B-LOC I-LOC O O O O O B-LOC",
        "B-LOC",
        "O O",  # what is not the first wordpiece of a word does not count
        "O B-LOC",
    ]
    assert calls == [(2, 8), (2, 16)]  # short ones together


def test_parts_of_a_long_sentence_are_decoded_as_one():
    calls = []
    (tags,) = _predict(["the of new york york"], calls, BY_PIECE, length=5, batch_size=4)
    assert tags == ["O", "O", "B-LOC", "I-LOC", "I-LOC"]
    assert calls == [(2, 5)]


def test_batches_by_length():
    sizes = np.array([30, 3, 9, 17, 3])
    found = tag_predictions.by_length(sizes, length=30, batch_size=2)
    assert [(rows.tolist(), padded) for rows, padded in found] == [
        ([1, 4], 8),
        ([2, 3], 24),
        ([0], 30),
    ]
    assert list(tag_predictions.by_length(sizes[:0], length=30, batch_size=2)) == []
