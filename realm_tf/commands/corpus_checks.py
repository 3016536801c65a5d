# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What only corpus and questions can tell of settings: looked at before any training.

What cannot work is refused. What works but wastes is a warning.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.data import sampling
from realm_tf.data.questions import questions as open_qa
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import masked_examples

_LOGGER = logging.getLogger(__name__)
_SAMPLE = 1000
_MANY, _MOST = 0.1, 0.5  # shares that are cut off: a warning, a refusal


def check_blocks(config: config_lib.Config, num_blocks: int) -> None:
    """Checks settings against the number of blocks of the knowledge corpus.

    Raises:
      UserError: If more blocks are to be read than there are.
    """
    wanted = {
        "open_qa.num_read": config.open_qa.num_read,
        "evaluation.num_read": config.evaluation.num_read or 1,
        "pretrain.num_candidates": config.pretrain.num_candidates - 1,  # besides the null block
    }
    for name, number in wanted.items():
        if number > num_blocks:
            raise types.UserError(
                f"{name} asks for {number} blocks, but the corpus has {num_blocks}. Lower it, give"
                " more text or shorter blocks."
            )
    if config.evaluation.recall_at[-1] > num_blocks:
        _LOGGER.warning(
            "evaluation.recall_at goes to %d, but the corpus has %d blocks: recall is 1 beyond them"
            " wherever there is an answer",
            config.evaluation.recall_at[-1],
            num_blocks,
        )
    if config.ict.steps and config.ict.batch_size > num_blocks:
        _LOGGER.warning(
            "ict.batch_size is %d, but the corpus has %d blocks: a batch holds blocks twice, and"
            " takes them for wrong",
            config.ict.batch_size,
            num_blocks,
        )


def check_sentences(context: context_lib.Context) -> None:
    """Checks that there are spans to mask, trained on and held out, and that sentences stay whole.

    What no stage of the run reads is not checked.

    Raises:
      UserError: If there are no spans, or most of them, or of a sentence, are cut off.
    """
    if context.config.pretrain.masks_spans:
        _check_spans(context)
    if context.config.ict.steps:
        _check_sentences_of_ict(context)


def _check_spans(context: context_lib.Context) -> None:
    config = context.config
    spans, is_held_out, skipped = masked_examples.spans_of_run(context)
    reasons = ", ".join(f"{count} {reason}" for reason, count in skipped.items() if count)
    lost = sum(skipped.values())
    of_pretrain = (
        f"query_length {config.pretrain.query_length}, max_masks {config.pretrain.max_masks}"
    )
    what = f"of the salient spans cannot be masked ({reasons})"
    _judge(f"pretrain ({of_pretrain})", lost / max(1, lost + len(spans)), what)
    for held_out in (True, False):
        masked_examples.require_spans(context, is_held_out, skipped, held_out=held_out)


def _check_sentences_of_ict(context: context_lib.Context) -> None:
    length = context.config.ict.query_length
    sizes = [
        [len(chunk.ragged(name).values) for name in ("token_ids", "sentence_byte_start")]
        for chunk in context.knowledge.chunks()
    ]
    wordpieces, sentences = np.sum(sizes, axis=0)
    unread = max(0.0, 1 - (length - 2) * sentences / wordpieces)
    what = "of a sentence of the mean length is cut off"
    _judge(f"ict.query_length ({length})", unread, what)


def check_questions(context: context_lib.Context, questions: Sequence[open_qa.Question]) -> None:
    """Checks that the lengths of open QA leave questions, blocks and answers whole.

    Raises:
      UserError: If most are cut off.
    """
    settings, width = context.config.open_qa, context.config.model.reader.max_span_width
    sample = sampling.evenly(questions, _SAMPLE)
    asked = _lengths(context, [question.question for question in sample]) + 2
    cut = float(np.mean(asked > settings.query_length))
    what = "of the questions lose their end"
    _judge(f"open_qa.query_length ({settings.query_length})", cut, what)

    room = settings.reader_length - min(int(np.median(asked)), settings.query_length) - 1
    bodies = np.concatenate([c.ragged("token_ids").lengths for c in context.knowledge.chunks()])
    unread = float(np.maximum(bodies - room, 0).sum() / max(1, bodies.sum()))
    what = "of the text of the blocks is not read"
    _judge(f"open_qa.reader_length ({settings.reader_length})", unread, what)

    plain = [question.answers for question in sample if not question.is_regex]
    if plain:
        narrowest = [int(_lengths(context, answers).min()) for answers in plain]
        too_wide = float(np.mean(np.array(narrowest) > width))
        what = "of the questions have only longer answers"
        _judge(f"model.reader.max_span_width ({width})", too_wide, what)


def _lengths(context: context_lib.Context, texts: Sequence[str]) -> np.ndarray:
    """<int64>[num_texts] wordpieces of texts."""
    return np.array([len(text.ids) for text in context.tokenizer.encode(list(texts))])


def _judge(setting: str, share: float, what: str) -> None:
    message = f"{setting} is too small: {share:.0%} {what}."
    if share > _MOST:
        raise types.UserError(f"{message} Raise it.")
    if share > _MANY:
        _LOGGER.warning("%s", message)
