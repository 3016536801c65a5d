# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Equal texts are found across files of hashes, and marked the same whatever the order."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realm_tf.data.blocks import duplicates


def mark(root, parts, chunk_rows=3) -> np.ndarray:
    """The marks of texts in parts: lists of (text, block id)."""
    chunks = []
    for number, part in enumerate(parts):
        hashes = duplicates.TextHashes(
            lambda file, number=number: os.path.join(root, f"{number}-{file}"), chunk_rows
        )
        for text, block_id in part:
            hashes.add(text, block_id)
        chunks += hashes.finish()
    target = os.path.join(root, duplicates.FILE)
    count = duplicates.mark(chunks, os.path.join(root, "aside"), target)
    marks = np.load(target)
    assert marks.dtype == np.uint64
    assert marks.shape == (count, 2)
    return marks


def test_all_but_the_smallest_id_of_a_text_are_marked(tmp_path):
    big = (1 << 64) - 1
    marks = mark(tmp_path, [[("a", 7), ("b", 2)], [("a", big), ("é", 1), ("a", 3)]])
    assert marks.tolist() == [[7, 3], [big, 3]]
    assert "aside" not in os.listdir(tmp_path)


def test_nothing_is_marked_where_all_texts_differ(tmp_path):
    assert mark(tmp_path, [[("a", 1)], [], [("b", 2)]]).shape == (0, 2)
    assert mark(tmp_path, []).shape == (0, 2)


ROWS = st.lists(st.tuples(st.sampled_from("abcdefghijk"), st.integers(0, (1 << 64) - 1)))


@settings(max_examples=30, deadline=None)
@given(ROWS, st.randoms(use_true_random=False), st.integers(1, 5), st.integers(1, 4))
def test_marks_do_not_depend_on_files_or_order(tmp_path_factory, rows, random, chunk, num_parts):
    rows = list({block_id: (text, block_id) for text, block_id in rows}.values())
    whole = mark(tmp_path_factory.mktemp("whole"), [rows], 1000)
    first = {}
    for text, block_id in rows:
        first[text] = min(block_id, first.get(text, block_id))
    expected = sorted([b, first[t]] for t, b in rows if b != first[t])
    assert sorted(whole.tolist()) == expected
    random.shuffle(rows)
    parts = [rows[i::num_parts] for i in range(num_parts)]
    np.testing.assert_array_equal(mark(tmp_path_factory.mktemp("parts"), parts, chunk), whole)


def test_many_hashes_are_compared_a_part_at_a_time(tmp_path, monkeypatch):
    rows = [(f"text {i % 700}", i) for i in range(1000)]
    whole = mark(tmp_path, [rows], 90)
    seen = []
    compare = duplicates._marks
    monkeypatch.setattr(duplicates, "_PART_ROWS", 100)
    monkeypatch.setattr(duplicates, "_marks", lambda r: (seen.append(len(r)), compare(r))[1])
    np.testing.assert_array_equal(mark(tmp_path, [rows], 90), whole)
    assert len(whole) == 300
    assert sum(seen) == 1000
    assert max(seen) <= 100


@pytest.mark.parametrize("lost", [1, 24])
def test_a_file_that_lost_its_end_is_no_silent_gap(tmp_path, lost):
    hashes = duplicates.TextHashes(lambda file: str(tmp_path / str(file)))
    for i in range(9):
        hashes.add(f"text {i}", i)
    (chunk,) = hashes.finish()
    with open(chunk.path, "rb+") as f:
        f.truncate(9 * 24 - lost)
    with pytest.raises(OSError, match="ends"):
        duplicates.mark([chunk], str(tmp_path / "aside"), str(tmp_path / "d.npy"))
    assert not (tmp_path / "d.npy").exists()
