# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The depths at which a system searches its index."""

from __future__ import annotations

from realm_tf import config as config_lib
from realm_tf.data.examples import masked_batches


def depths(config: config_lib.Config) -> tuple[int, ...]:
    """How many blocks each use searches for, ascending: training, answering, and evaluation."""
    training = masked_batches.search_depth(config.pretrain)
    answering = (config.open_qa.num_read, config.open_qa.num_searched)
    return tuple(sorted({training, *answering, config.evaluation.recall_at[-1]}))
