# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""One way into corpora of any format."""

import pytest

from realm_tf import types
from realm_tf.data import corpus, corpus_formats
from tests.beam_jobs import documents, reference_corpora


def test_texts_to_learn_a_vocabulary_from(tmp_path):
    lines = documents.write(tmp_path / "a.jsonl", documents.records(2))
    assert list(corpus_formats.texts(lines, "jsonl")) == [
        f"{d.title} {d.text}" for d in corpus.read(lines)
    ]
    expected = [f"{title} {text}" for title, text in reference_corpora.BLOCKS]
    assert list(corpus_formats.texts(reference_corpora.write_orqa(tmp_path), "orqa")) == expected
    shards = reference_corpora.write_realm_blocks(tmp_path)
    assert list(corpus_formats.texts(shards, "realm-blocks")) == expected


def test_fingerprints_differ(tmp_path):
    lines = documents.write(tmp_path / "a.jsonl", documents.records(2))
    assert corpus_formats.fingerprint(lines, "jsonl") == corpus.fingerprint(lines)
    blocks = reference_corpora.write_orqa(tmp_path)
    assert corpus_formats.fingerprint(blocks, "orqa") != corpus.fingerprint(lines)


def test_check_refuses_what_is_not_there(tmp_path):
    with pytest.raises(types.UserError, match="The format must be jsonl, realm-blocks, orqa"):
        corpus_formats.check("*", "csv")
    for fmt in corpus_formats.FORMATS:
        with pytest.raises(types.UserError, match="No file matches"):
            corpus_formats.check(str(tmp_path / "*"), fmt)
    with pytest.raises(types.UserError, match="Received: 'realm-pretrain'"):
        corpus_formats.check("*", "realm-pretrain", corpus_formats.BLOCK_FORMATS)
