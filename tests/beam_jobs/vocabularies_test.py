# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Any WordPiece vocabulary, from its file to the wordpieces of the block table."""

import itertools
import pathlib
import string

import numpy as np
import pytest

from realm_tf.data.blocks import table as block_table
from realm_tf.text import tokenizer as tokenizer_lib
from realm_tf.text import vocabulary
from tests.beam_jobs import documents, jobs
from tests.text import vocabularies

WORDS = ["".join(w) for w in itertools.product(string.ascii_lowercase, repeat=4)][:70_000]


def table_of(
    root: pathlib.Path, vocab: list[str], *, title: str, text: str, lower_case: bool = True
) -> tuple[block_table.BlockTable, tokenizer_lib.Tokenizer]:
    file = root / "vocab.txt"
    file.write_text("\n".join(vocab), encoding="utf-8")
    read = vocabulary.read(str(file))
    segment = vocabulary.write_segment(str(root), read, lower_case=lower_case)
    blocks = jobs.build_blocks(
        documents.write(root / "a.jsonl", [{"id": "1", "title": title, "text": text}]),
        vocab=segment.path,
        output_root=str(root),
        num_shards=1,
    )
    table = block_table.BlockTable.open(blocks)
    return table, tokenizer_lib.Tokenizer.open(segment)


@pytest.mark.parametrize(
    ("size", "dtype"), [(1 << 16, np.uint16), ((1 << 16) + 1, np.uint32), (70_000, np.uint32)]
)
def test_ids_of_any_size_reach_the_table(tmp_path, size, dtype):
    vocab = [*vocabulary.SPECIAL_TOKENS, *WORDS][:size]
    words = [vocab[-1], vocab[5], vocab[size // 2]]
    table, tokenizer = table_of(tmp_path, vocab, title=vocab[-2], text=" ".join(words))
    assert tokenizer.vocab_size == size
    assert table.token_ids(0).dtype == table.title_ids(0).dtype == dtype
    assert table.token_ids(0).tolist() == [size - 1, 5, size // 2]
    assert table.title_ids(0).tolist() == [size - 2]
    assert table.block(0).token_ids.tolist() == [size - 1, 5, size // 2]


def test_cased_vocabulary_keeps_case_and_accents(tmp_path):
    vocab = [*vocabularies.small(), "York", "é", "##é"]
    table, tokenizer = table_of(
        tmp_path, vocab, title="York", text="york né York", lower_case=False
    )
    pieces = [tokenizer.vocab[i] for i in table.token_ids(0)]
    assert pieces == ["york", "n", "##é", "York"]
    assert [tokenizer.vocab[i] for i in table.title_ids(0)] == ["York"]
