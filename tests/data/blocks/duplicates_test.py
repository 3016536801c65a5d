# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Equal texts are found across files of hashes, and marked the same whatever the order."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realm_tf import types
from realm_tf.data.blocks import duplicates


def mark(root, parts, chunk_rows=3) -> np.ndarray:
    """The marks of texts in parts: lists of (text, block id)."""
    chunks = []
    for number, part in enumerate(parts):
        rows = [duplicates.text_row(*row) for row in part]
        chunks += sort(os.path.join(root, f"{number}-"), rows, 3, chunk_rows)
    target = os.path.join(root, "marks")
    count = duplicates.mark(chunks, target)
    marks = np.fromfile(target, np.uint64).reshape(-1, 2)
    assert len(marks) == count
    return marks


def sort(prefix, rows, width, chunk_rows=1000) -> list[duplicates.Chunk]:
    """The sorted files of rows."""
    kept = duplicates.SortedRows(lambda file: f"{prefix}{file}", width=width, chunk_rows=chunk_rows)
    for row in rows:
        kept.add(row)
    return kept.finish()


def test_all_but_the_smallest_id_of_a_text_are_marked(tmp_path):
    big = (1 << 64) - 1
    marks = mark(tmp_path, [[("a", 7), ("b", 2)], [("a", big), ("é", 1), ("a", 3)]])
    assert marks.tolist() == [[7, 3], [big, 3]]
    found = duplicates.first_ids(str(tmp_path / "marks"), np.array([2, big, 3, 7, 1], np.uint64))
    assert found.tolist() == [0, 3, 0, 3, 0]
    nobody = duplicates.first_ids(str(tmp_path / "marks"), np.zeros(0, np.uint64))
    assert len(nobody) == 0


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
    rows = [duplicates.text_row(f"text {i}", i) for i in range(9)]
    (chunk,) = sort(tmp_path / "a", rows, 3)
    with open(chunk.path, "rb+") as f:
        f.truncate(9 * 24 - lost)
    with pytest.raises(OSError, match="ends"):
        duplicates.mark([chunk], str(tmp_path / "marks"))
    assert not (tmp_path / "marks").exists()


def test_equal_ids_are_refused(tmp_path):
    ids = [5, (1 << 64) - 1, 7]
    chunks = [*sort(tmp_path / "a", map(duplicates.id_row, ids), 1, 2)]
    duplicates.require_distinct(chunks)
    duplicates.require_distinct([])
    chunks += sort(tmp_path / "b", map(duplicates.id_row, [8, 7]), 1)
    with pytest.raises(types.UserError, match=r"1 block ids are there twice, among them 7\b"):
        duplicates.require_distinct(chunks)
