# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A piece of a text is found wherever it begins, and nothing else is."""

import numpy as np
import pytest

from realm_tf.data.traces import windows


def random_bytes(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, count, np.uint8)


@pytest.mark.parametrize("piece", [1 << 20, 64])
@pytest.mark.parametrize("place", [0, 1, 63, 64, 65, 300, 999])
def test_a_piece_is_found_at_any_place(monkeypatch, place, piece):
    monkeypatch.setattr(windows, "_PIECE", piece)
    text = random_bytes(200)
    finder = windows.Finder(windows.of(text))
    for start in (0, 1, 15, 100, 200 - 47):
        data = random_bytes(1200, seed=1)
        data[place : place + 47] = text[start : start + 47]
        assert len(finder.find(data))


def test_nothing_else_is_found():
    finder = windows.Finder(windows.of(random_bytes(5000)))
    assert len(finder.find(random_bytes(1 << 18, seed=1))) == 0
    assert len(finder.find(np.zeros(0, np.uint8))) == 0
    assert len(finder.find(random_bytes(31))) == 0


def test_all_hashes_are_found_in_the_text_itself():
    text = random_bytes(1000)
    hashes = windows.of(text)
    assert len(hashes) == 62
    np.testing.assert_array_equal(windows.Finder(hashes).find(text), hashes)


def test_short_and_empty_texts_leave_no_trace():
    assert len(windows.of(random_bytes(31))) == 0
    assert len(windows.of(random_bytes(32))) == 1
    assert len(windows.of(np.zeros(500, np.uint8))) == 0
