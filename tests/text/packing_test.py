# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The three layouts of inputs, against a packer that goes token by token."""

import numpy as np
import pytest

from realm_tf import types
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib

PAD, CLS, SEP = 3, 1, 4


@pytest.fixture(scope="module")
def tokenizer():
    """Special ids are not 0 to 4: nothing may take them for granted."""
    vocab = ["[UNK]", "[CLS]", "[MASK]", "[PAD]", "[SEP]", *(f"w{i}" for i in range(100))]
    return tokenizer_lib.Tokenizer(vocab)


def _oracle(first, second, length):
    """The layout, a wordpiece at a time; `second` is None for a single text."""
    if second is None:
        ids = [CLS, *first[: length - 2], SEP]
        types_ = [0] * len(ids)
    else:
        head = [CLS, *first[: length - 3], SEP]
        tail = [*second[: length - 1 - len(head)], SEP]
        ids, types_ = head + tail, [0] * len(head) + [1] * len(tail)
    padding = [0] * (length - len(ids))
    return ids + [PAD] * len(padding), [1] * len(ids) + padding, types_ + padding


def _texts(rng, count, longest):
    return [
        rng.integers(5, 105, rng.integers(0, longest + 1)).astype(np.uint16) for _ in range(count)
    ]


def _check(inputs, expected):
    for got, want in zip(inputs, zip(*expected, strict=True), strict=True):
        assert got.dtype == np.int32
        np.testing.assert_array_equal(got, want)


def test_queries_match_the_oracle(tokenizer):
    queries = _texts(np.random.default_rng(0), 200, 20)
    inputs = packing.pack_queries(queries, 12, tokenizer)
    _check(inputs, [_oracle(q.tolist(), None, 12) for q in queries])


def test_pairs_match_the_oracle_at_every_length(tokenizer):
    rng = np.random.default_rng(1)
    titles, bodies = _texts(rng, 300, 15), _texts(rng, 300, 25)
    for length in (3, 4, 12, 45):
        expected = [
            _oracle(t.tolist(), b.tolist(), length) for t, b in zip(titles, bodies, strict=True)
        ]
        _check(packing.pack_blocks(titles, bodies, length, tokenizer), expected)
        inputs, body_start = packing.pack_joint(titles, bodies, length, tokenizer)
        _check(inputs, expected)
        assert body_start.dtype == np.int32
        body_limit = packing.body_limits(inputs)
        for row, body in enumerate(bodies):
            kept = inputs.word_ids[row, body_start[row] : body_limit[row]]
            np.testing.assert_array_equal(kept, body[: len(kept)])
            assert inputs.word_ids[row, body_start[row] - 1] == SEP
            assert inputs.word_ids[row, body_limit[row]] == SEP


def test_the_null_block_is_its_special_tokens(tokenizer):
    nothing = [np.zeros(0, np.int32)]
    inputs = packing.pack_blocks(nothing, nothing, 5, tokenizer)
    assert inputs.word_ids.tolist() == [[CLS, SEP, SEP, PAD, PAD]]
    assert inputs.mask.tolist() == [[1, 1, 1, 0, 0]]
    assert inputs.type_ids.tolist() == [[0, 0, 1, 0, 0]]


def test_the_body_alone_is_packed_like_a_query(tokenizer):
    rng = np.random.default_rng(3)
    titles, bodies = _texts(rng, 50, 15), _texts(rng, 50, 25)
    inputs = packing.pack_blocks(titles, bodies, 12, tokenizer, template="body")
    _check(inputs, [_oracle(body.tolist(), None, 12) for body in bodies])


def test_size_of_a_block_is_what_just_fits(tokenizer):
    titles, bodies = _texts(np.random.default_rng(4), 2, 9)
    for template in ("title_body", "body"):
        size = packing.block_size(len(titles), len(bodies), template)
        inputs = packing.pack_blocks([titles], [bodies], size + 4, tokenizer, template=template)
        assert inputs.mask.sum() == size


def test_unknown_template_is_refused(tokenizer):
    with pytest.raises(types.UserError, match=r"one of title_body, body\. Received: 'title'"):
        packing.pack_blocks([], [], 9, tokenizer, template="title")


def test_no_rows_keep_their_length(tokenizer):
    assert packing.pack_queries([], 7, tokenizer).word_ids.shape == (0, 7)
    inputs, body_start = packing.pack_joint([], [], 7, tokenizer)
    assert inputs.mask.shape == (0, 7)
    assert body_start.shape == (0,)


def test_reshape_splits_the_first_dimension(tokenizer):
    texts = _texts(np.random.default_rng(2), 6, 5)
    inputs = packing.pack_queries(texts, 7, tokenizer)
    reshaped = packing.reshape(inputs, 2, 3)
    assert isinstance(reshaped, types.EncoderInputs)
    assert all(array.shape == (2, 3, 7) for array in reshaped)
    np.testing.assert_array_equal(reshaped.word_ids[1, 0], inputs.word_ids[3])


def test_a_length_without_room_for_special_tokens_is_refused(tokenizer):
    with pytest.raises(types.UserError, match="Received a length of 2"):
        packing.pack_blocks([], [], 2, tokenizer)
