# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Texts are found at their places, also those with one hash."""

import numpy as np
import pytest
import tensorflow as tf

from serving import text_places

TEXTS = [f"word {number}".encode() for number in range(500)] + [b"", "été".encode()]


@pytest.mark.parametrize("num_hashes", [7, 2**63 - 1])
def test_places(num_hashes, monkeypatch):
    monkeypatch.setattr(text_places, "_HASHES", num_hashes)
    places = text_places.TextPlaces(TEXTS)
    found = places(tf.constant(TEXTS)).numpy()
    assert [TEXTS[number] for number in places.order[found]] == TEXTS
    np.testing.assert_array_equal(places(tf.constant([b"word", b"Word 1"])), [-1, -1])


def test_none():
    assert text_places.TextPlaces([])(tf.constant([b"", b"word"])).numpy().tolist() == [-1, -1]
