# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Wordpieces, their offsets, and what no text may become."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from realm_tf import types
from realm_tf.text import tokenizer as tokenizer_lib
from realm_tf.text import vocabulary
from tests.text import vocabularies


def pieces(text: str) -> list[tuple[str, str]]:
    """(wordpiece, slice of the text) of every wordpiece."""
    tokenizer = vocabularies.tokenizer()
    (encoded,) = tokenizer.encode([text])
    data = text.encode()
    return [
        (tokenizer.vocab[i], data[a:b].decode())
        for i, a, b in zip(encoded.ids, encoded.byte_start, encoded.byte_limit, strict=True)
    ]


def test_offsets_are_bytes_of_the_text_as_given():
    assert pieces("  Louis in Wár") == [
        ("lou", "Lou"),
        ("##is", "is"),
        ("in", "in"),
        ("war", "Wár"),
    ]


def test_one_character_of_two_wordpieces_gives_both_its_bytes():
    assert pieces("ǆ") == [("d", "ǆ"), ("##z", "ǆ")]


def test_special_tokens_in_a_text_are_ordinary():
    tokenizer = vocabularies.tokenizer()
    (encoded,) = tokenizer.encode([" ".join(vocabulary.SPECIAL_TOKENS)])
    special = {getattr(tokenizer, f"{name}_id") for name in ("pad", "cls", "sep", "mask")}
    assert special.isdisjoint(encoded.ids.tolist())
    assert tokenizer.unk_id not in encoded.ids


def test_ids_are_places_in_the_vocabulary():
    tokenizer = vocabularies.tokenizer()
    ids = (tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id)
    assert [tokenizer.vocab[i] for i in (*ids, tokenizer.mask_id)] == list(
        vocabulary.SPECIAL_TOKENS
    )
    assert tokenizer.vocab_size == len(tokenizer.vocab)
    assert pieces("汶川") == [("[UNK]", "汶"), ("[UNK]", "川")]


def test_any_number_of_texts_in_order():
    texts = [f"river {number}" for number in range(1100)] + ["", "  "]
    encoded = vocabularies.tokenizer().encode(texts)
    assert len(encoded) == 1102
    single = [vocabularies.tokenizer().encode([text])[0] for text in texts[510:514]]
    for many, one in zip(encoded[510:514], single, strict=True):
        np.testing.assert_array_equal(many.ids, one.ids)
    assert [len(e.ids) for e in encoded[-2:]] == [0, 0]
    assert all(a.dtype == np.int32 for e in encoded for a in e)
    assert vocabularies.tokenizer().encode([]) == []


def test_in_graph_gives_the_same():
    op = vocabularies.tokenizer().in_graph()
    traced = tf.function(lambda texts: op.tokenize(texts).to_tensor())
    expected = vocabularies.tokenizer().encode(["New York"])[0].ids
    np.testing.assert_array_equal(traced(tf.constant(["New York"]))[0], expected)


def test_fingerprint_is_of_vocabulary_and_case_whoever_made_the_file(tmp_path):
    small = vocabularies.small()
    fingerprints = {
        tokenizer_lib.Tokenizer(small).fingerprint,
        tokenizer_lib.Tokenizer(small, lower_case=False).fingerprint,
        tokenizer_lib.Tokenizer([*small, "zebra"]).fingerprint,
    }
    assert len(fingerprints) == 3
    segment = vocabulary.write_segment(str(tmp_path), small, lower_case=False)
    for opened in (segment, segment.path):
        tokenizer = tokenizer_lib.Tokenizer.open(opened)
        assert not tokenizer.lower_case
        assert tokenizer.fingerprint == tokenizer_lib.Tokenizer(small, lower_case=False).fingerprint


def test_case_is_kept_when_asked():
    tokenizer = tokenizer_lib.Tokenizer([*vocabularies.small(), "The"], lower_case=False)
    (encoded,) = tokenizer.encode(["The the"])
    assert [tokenizer.vocab[i] for i in encoded.ids] == ["The", "the"]


def test_unusable_vocabulary_is_the_users_mistake():
    with pytest.raises(types.UserError, match="not usable"):
        tokenizer_lib.Tokenizer([*vocabularies.small(), "x" * 300])


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(codec="utf-8")), st.booleans())
def test_any_text_gives_ordered_offsets_at_characters(text, lower_case):
    tokenizer = vocabularies.tokenizer(lower_case)
    (encoded,) = tokenizer.encode([text])
    data = text.encode()
    assert (encoded.byte_start < encoded.byte_limit).all()
    assert (np.diff(encoded.byte_start) >= 0).all()
    assert (np.diff(encoded.byte_limit) >= 0).all()
    for start, limit in zip(encoded.byte_start, encoded.byte_limit, strict=True):
        data[start:limit].decode()  # raises inside a character
    special = [tokenizer.pad_id, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id]
    assert not np.isin(encoded.ids, special).any()
