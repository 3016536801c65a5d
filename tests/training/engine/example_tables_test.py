# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tables of examples are Markdown that TensorBoard can show, and stand in the summaries."""

import tensorflow as tf

from realm_tf.training.engine import example_tables
from tests.data import example_passages

_EXAMPLE = example_tables.Example(
    query="Who | what\n<is> *it*?",
    expected="A_B",
    predicted={"with blocks": "a", "without": "b"},
    retrieved=[("First", 0.75), ("Second", 0.25)],
)


def test_a_row_for_each_example():
    lines = example_tables.markdown([_EXAMPLE, _EXAMPLE]).splitlines()
    assert lines[0] == "| query | expected | predicted | retrieved (score) |"
    assert lines[2] == lines[3]
    assert lines[2] == (
        "| Who &#124; what &lt;is> \\*it\\*? | A\\_B | with blocks: a<br>without: b |"
        " First (0.750)<br>Second (0.250) |"
    )


def test_tables_stand_in_the_summaries(tmp_path):
    for step in (3, 6):
        example_tables.write(str(tmp_path), step, [_EXAMPLE])
    assert read(tmp_path) == {step: example_tables.markdown([_EXAMPLE]) for step in (3, 6)}


def read(directory) -> dict[int, str]:
    """The tables of a training, by step."""
    found = {}
    for path in directory.glob("summaries/examples/events.*"):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                found[event.step] = tf.make_ndarray(value.tensor).item().decode()
    return found


def test_wordpieces_become_words():
    tokenizer = example_passages.tokenizer()
    first = next(p for p in tokenizer.vocab if p.isalpha())
    second = next((p for p in tokenizer.vocab if p.startswith("##")), None)
    ids = [tokenizer.cls_id, tokenizer.vocab.index(first), tokenizer.mask_id, tokenizer.sep_id, 0]
    expected = f"{first} [MASK]"
    if second:
        ids.insert(2, tokenizer.vocab.index(second))
        expected = f"{first}{second[2:]} [MASK]"
    assert example_tables.words(ids, tokenizer) == expected
