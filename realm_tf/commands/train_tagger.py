# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Trains a span tagger on files of labelled sentences: `realm train realm/span_tagger`."""

from __future__ import annotations

from collections.abc import Sequence

from realm_tf import artifacts
from realm_tf import config as config_lib
from realm_tf.commands import device_checks
from realm_tf.evaluation import entities
from realm_tf.text import vocabulary
from realm_tf.text.inputs import files
from realm_tf.training.engine import workers
from realm_tf.training.experiments import span_tagger


def train_tagger(
    config: config_lib.Config,
    *,
    train: Sequence[str],
    dev: Sequence[str],
    test: Sequence[str],
    vocab: str,
    root: str,
) -> artifacts.Segment:
    """Trains a span tagger on files of labelled sentences.

    Args:
      config: The whole configuration; its section `span_tagger` says how to train.
      train: Glob patterns of the CoNLL files that are trained on.
      dev: Glob patterns of the CoNLL files that the best step is chosen by.
      test: Glob patterns of the CoNLL files that the best step is scored on; may be empty.
      vocab: Path of the "vocab" segment.
      root: Directory that the segment is made in.

    Returns:
      The "span_tagger" segment.

    Raises:
      UserError: If no file matches a pattern, a file is not CoNLL, a batch does not split over the
        replicas, another process works in `root`, or it cannot be written.
    """
    with workers.at_work(root, config.runtime) as (worker, _):
        size = config.span_tagger.batch_size
        device_checks.check(config.runtime, {"span_tagger": size})
        data = span_tagger.Data(
            train=files.expand_all(train),
            dev=files.expand_all(dev),
            test=files.expand_all(test),
            vocab=artifacts.open_segment(vocab, vocabulary.KIND),
        )
        return span_tagger.train(config, data, root, score=entities.score, worker=worker)
