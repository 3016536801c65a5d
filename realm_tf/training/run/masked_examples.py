# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The masked spans that a run trains on, and those that it measures."""

from __future__ import annotations

import logging

import numpy as np

from realm_tf.data.examples import masked_batches, masking
from realm_tf.training.run import context as context_lib

_LOGGER = logging.getLogger(__name__)


def make_batches(
    context: context_lib.Context, *, held_out: bool, batch_size: int, stage: str
) -> masked_batches.MaskedBatches:
    """Masked-span batches of the training documents, or of the held-out ones."""
    config = context.config
    table = context.passages
    spans, skipped = masking.eligible_spans(
        table, query_length=config.pretrain.query_length, max_masks=config.pretrain.max_masks
    )
    rows = np.searchsorted(table.span_offsets, spans, side="right") - 1
    chosen = spans[context.is_held_out(table)[rows] == held_out]
    _LOGGER.info("%s: %d spans; skipped: %s", stage, len(chosen), skipped)
    return masked_batches.MaskedBatches(
        table,
        context.knowledge,
        context.tokenizer,
        config.pretrain,
        block_length=config.blocks.length,
        seed=config.seed,
        spans=chosen,
        template=config.blocks.template,
        batch_size=batch_size,
        stage=stage,
    )
