# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The three layouts of inputs, against a packer that goes token by token."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from realm_tf import types
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib

PAD, CLS, SEP = 3, 1, 4
NONE = types.Ragged.of([])


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
    texts = [rng.integers(5, 105, rng.integers(0, longest + 1)) for _ in range(count)]
    return types.Ragged.of(texts, np.uint16)


def _check(inputs, expected):
    for got, want in zip(inputs, zip(*expected, strict=True), strict=True):
        assert got.dtype == np.int32
        np.testing.assert_array_equal(got, want)


def test_queries_match_the_oracle(tokenizer):
    queries = _texts(np.random.default_rng(0), 200, 20)
    inputs = packing.pack_queries(queries, 12, tokenizer)
    _check(inputs, [_oracle(q.tolist(), None, 12) for q in queries.rows()])


def test_pairs_match_the_oracle_at_every_length(tokenizer):
    rng = np.random.default_rng(1)
    titles, bodies = _texts(rng, 300, 15), _texts(rng, 300, 25)
    for length in (3, 4, 12, 45):
        expected = [
            _oracle(t.tolist(), b.tolist(), length)
            for t, b in zip(titles.rows(), bodies.rows(), strict=True)
        ]
        _check(packing.pack_blocks(titles, bodies, length, tokenizer), expected)
        inputs, body_start = packing.pack_joint(titles, bodies, length, tokenizer)
        _check(inputs, expected)
        assert body_start.dtype == np.int32
        body_limit = packing.body_limits(inputs)
        for row, body in enumerate(bodies.rows()):
            kept = inputs.word_ids[row, body_start[row] : body_limit[row]]
            np.testing.assert_array_equal(kept, body[: len(kept)])
            assert inputs.word_ids[row, body_start[row] - 1] == SEP
            assert inputs.word_ids[row, body_limit[row]] == SEP


def test_the_null_block_is_its_special_tokens(tokenizer):
    nothing = types.Ragged.of([np.zeros(0, np.int32)])
    inputs = packing.pack_blocks(nothing, nothing, 5, tokenizer)
    assert inputs.word_ids.tolist() == [[CLS, SEP, SEP, PAD, PAD]]
    assert inputs.mask.tolist() == [[1, 1, 1, 0, 0]]
    assert inputs.type_ids.tolist() == [[0, 0, 1, 0, 0]]


def test_the_body_alone_is_packed_like_a_query(tokenizer):
    rng = np.random.default_rng(3)
    titles, bodies = _texts(rng, 50, 15), _texts(rng, 50, 25)
    inputs = packing.pack_blocks(titles, bodies, 12, tokenizer, template="body")
    _check(inputs, [_oracle(body.tolist(), None, 12) for body in bodies.rows()])


def test_size_of_a_block_is_what_just_fits(tokenizer):
    rng = np.random.default_rng(4)
    titles, bodies = _texts(rng, 1, 9), _texts(rng, 1, 9)
    for template in ("title_body", "body"):
        size = packing.block_size(*titles.lengths, *bodies.lengths, template)
        inputs = packing.pack_blocks(titles, bodies, size + 4, tokenizer, template=template)
        assert inputs.mask.sum() == size


def test_unknown_template_is_refused(tokenizer):
    with pytest.raises(types.UserError, match=r"one of title_body, body\. Received: 'title'"):
        packing.pack_blocks(NONE, NONE, 9, tokenizer, template="title")


def test_no_rows_keep_their_length(tokenizer):
    assert packing.pack_queries(NONE, 7, tokenizer).word_ids.shape == (0, 7)
    inputs, body_start = packing.pack_joint(NONE, NONE, 7, tokenizer)
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
        packing.pack_blocks(NONE, NONE, 2, tokenizer)


def _loop(firsts, seconds, length):
    """Pairs packed row by row."""
    word_ids = np.full((len(firsts), length), PAD, np.int32)
    mask, type_ids = np.zeros((2, len(firsts), length), np.int32)
    starts = np.zeros(len(firsts), np.int32)
    for row, (first, second) in enumerate(zip(firsts, seconds, strict=True)):
        starts[row] = start = 2 + min(len(first), length - 3)
        limit = min(start + len(second), length - 1)
        word_ids[row, 0] = CLS
        word_ids[row, 1 : start - 1] = first[: start - 2]
        word_ids[row, start:limit] = second[: limit - start]
        word_ids[row, [start - 1, limit]] = SEP
        mask[row, : limit + 1] = 1
        type_ids[row, start : limit + 1] = 1
    return (word_ids, mask, type_ids), starts


_TEXT = st.lists(st.integers(0, 104), max_size=12)


@hypothesis.given(st.lists(st.tuples(_TEXT, _TEXT), max_size=8), st.integers(3, 16))
@hypothesis.settings(
    deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
def test_pairs_are_packed_as_a_loop_packs_them(tokenizer, pairs, length):
    firsts, seconds = ([np.array(p[i], np.uint16) for p in pairs] for i in (0, 1))
    expected, starts = _loop(firsts, seconds, length)
    found, body_start = packing.pack_joint(
        types.Ragged.of(firsts, np.uint16), types.Ragged.of(seconds, np.uint16), length, tokenizer
    )
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == np.int32
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(body_start, starts)


def test_pairs_need_as_many_seconds_as_firsts(tokenizer):
    with pytest.raises(ValueError, match="Received: 0 firsts and 1 seconds"):
        packing.pack_joint(NONE, types.Ragged.of([np.zeros(2, np.int32)]), 9, tokenizer)


def test_bucket_lengths_are_multiples_of_the_step_or_the_length():
    sizes = np.array([[0, 1, 16], [17, 90, 100]])
    assert packing.bucket_lengths(sizes, 100, 16).tolist() == [[0, 16, 16], [32, 96, 100]]
    assert packing.bucket_lengths(sizes[0], 8, 16).tolist() == [0, 8, 8]


@pytest.mark.parametrize(
    ("longest", "step", "length"), [(9, 8, 16), (8, 8, 8), (18, 8, 20), (3, 1, 3)]
)
def test_trimmed_inputs_lose_padding_alone(tokenizer, longest, step, length):
    bodies = types.Ragged.of([np.full(n, 9) for n in (1, longest - 2, 0)])
    packed = packing.reshape(packing.pack_queries(bodies, 20, tokenizer), 3, 1)
    trimmed = packing.trim(packed, step)
    for one, other in zip(trimmed, packed, strict=True):
        assert one.shape == (3, 1, length)
        np.testing.assert_array_equal(one, other[..., :length])
    assert trimmed.mask.sum() == packed.mask.sum()


def test_queries_are_unpacked_as_far_as_they_were_packed(tokenizer):
    queries = _texts(np.random.default_rng(5), 50, 20)
    unpacked = packing.unpack_queries(packing.pack_queries(queries, 12, tokenizer))
    for found, query in zip(unpacked.rows(), queries.rows(), strict=True):
        assert found.tolist() == query[:10].tolist()
