# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Makes the vocabulary of a run: the file that is configured, or one learned from the corpus."""

from __future__ import annotations

from realm_tf import artifacts
from realm_tf import config as config_lib
from realm_tf.data.corpus import formats as corpus_formats
from realm_tf.text import vocabulary


def make_vocab(
    config: config_lib.Config, pattern: str, root: str, fmt: str = corpus_formats.JSONL
) -> artifacts.Segment:
    """Makes the vocabulary of a run: reads the configured file, or learns one from the corpus.

    Args:
      config: Sections `vocab`, `corpus` and `jobs`.
      pattern: Pattern of the corpus's files.
      root: Directory of segments.
      fmt: Format of the corpus.
    """
    vocab = config.vocab
    if vocab.file is not None:
        wordpieces = vocabulary.read(vocab.file)
        return vocabulary.write_segment(root, wordpieces, lower_case=vocab.lower_case)
    corpus_formats.check(pattern, fmt)
    texts = corpus_formats.texts(
        pattern, fmt, config.corpus, pass_over_bad=config.jobs.max_bad_fraction > 0
    )
    return vocabulary.learn_segment(
        root,
        texts,
        size=vocab.size,
        lower_case=vocab.lower_case,
        made_from={"corpus": corpus_formats.fingerprint(pattern, fmt, config.corpus)},
    )
