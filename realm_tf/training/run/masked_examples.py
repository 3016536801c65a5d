# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The masked spans that a run trains on, and those that it measures."""

from __future__ import annotations

import logging

import numpy as np

from realm_tf import types
from realm_tf.data.examples import masked_batches, masking
from realm_tf.training.run import context as context_lib

_LOGGER = logging.getLogger(__name__)


def spans_of_run(
    context: context_lib.Context,
) -> tuple[np.ndarray, np.ndarray, dict[str, int]]:
    """The spans of a run's passages that can be masked, and which of them are held out.

    Returns:
      Span numbers <int64>[any], whether each is in a held-out document <bool>[any], and how many
      were skipped for which reason; see `masking.eligible_spans`.
    """
    table, pretrain = context.passages, context.config.pretrain
    spans, skipped = masking.eligible_spans(
        table, query_length=pretrain.query_length, max_masks=pretrain.max_masks
    )
    rows = np.searchsorted(table.span_offsets, spans, side="right") - 1
    return spans, context.is_held_out(table)[rows], skipped


def make_batches(
    context: context_lib.Context, *, held_out: bool, batch_size: int, stage: str
) -> masked_batches.MaskedBatches:
    """Masked-span batches of the training documents, or of the held-out ones.

    Raises:
      UserError: If there is no span to mask, with the reason.
    """
    config = context.config
    spans, is_held_out, skipped = spans_of_run(context)
    require_spans(context, is_held_out, skipped, held_out=held_out)
    chosen = spans[is_held_out == held_out]
    _LOGGER.info("%s: %d spans; skipped: %s", stage, len(chosen), skipped)
    return masked_batches.MaskedBatches(
        context.passages,
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


def require_spans(
    context: context_lib.Context,
    is_held_out: np.ndarray,
    skipped: dict[str, int],
    *,
    held_out: bool,
) -> None:
    """Checks that there are spans to mask in the training documents, or in the held-out ones.

    Args:
      context: What the run is made of.
      is_held_out: See `spans_of_run`.
      skipped: Likewise.
      held_out: Which documents are looked at.

    Raises:
      UserError: If there are none, with the reason and the cure for it.
    """
    config, found, eligible = context.config, context.passages.total_spans, len(is_held_out)
    if not found:
        raise types.UserError(
            "No salient span (a name or a date) was found in the corpus, so there is nothing to"
            f" mask. They were looked for with tagging.tagger={config.tagging.tagger}, whose rules"
            f" are for English, and tagging.dates={config.tagging.dates}. For another language"
            " train a tagger (realm train realm/span_tagger) and set tagging.tagger, and set"
            " tagging.dates; or give a --pretrain-corpus with spans."
        )
    if not eligible:
        raise types.UserError(
            f"None of the {found} salient spans can be masked; skipped: {skipped}. Raise"
            f" pretrain.query_length ({config.pretrain.query_length}) or pretrain.max_masks"
            f" ({config.pretrain.max_masks})."
        )
    if not np.any(is_held_out == held_out):
        where = "held-out documents" if held_out else "documents to train on"
        raise types.UserError(
            f"None of the {eligible} salient spans is in the {where}. Give more documents, or"
            f" change evaluation.held_out_fraction ({config.evaluation.held_out_fraction})."
        )
