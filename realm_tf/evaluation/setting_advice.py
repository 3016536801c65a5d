# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which settings do not suit a corpus and its questions, and which values would.

The proposed lengths leave 99% whole, and are multiples of 8 as batches are (`packing.trim`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from realm_tf import config as config_lib
from realm_tf.evaluation import findings, text_lengths
from realm_tf.text import packing

_FEW, _MANY, _MOST = 0.02, 0.1, 0.5  # shares that are cut off; of most, a run is refused
_UNKNOWN = 0.005  # share of wordpieces
_SPLIT = 2.0  # wordpieces of a word; of English text BERT's vocabulary makes 1.3
_WHOLE = 99  # percentile
_STEP = 8


def of_numbers(config: config_lib.Config, num_blocks: int) -> Iterator[findings.Finding]:
    """Numbers of blocks, k, that are more than there are.

    Args:
      config: Configuration of the run.
      num_blocks: About how many blocks the corpus has.
    """
    wanted = {
        "open_qa.num_read": config.open_qa.num_read,
        "evaluation.num_read": config.evaluation.num_read or 1,
        "pretrain.num_candidates": config.pretrain.num_candidates - 1,  # besides the null block
    }
    has = f"the corpus makes about {num_blocks} blocks."
    for name, number in wanted.items():
        if number > num_blocks:
            extra = int(name == "pretrain.num_candidates")
            yield findings.Finding(
                findings.ERROR,
                f"{name} asks for {number} blocks, but {has}",
                name,
                number + extra,
                max(1, num_blocks) + extra,
            )
    depths = config.evaluation.recall_at
    if depths[-1] > num_blocks:
        kept = [k for k in depths if k <= num_blocks] or [1]
        message = f"Recall is measured among up to {depths[-1]} blocks, but {has}"
        yield findings.Finding(
            findings.WARNING, message, "evaluation.recall_at", list(depths), kept
        )
    size = config.ict.batch_size
    if config.ict.steps and size > num_blocks:
        message = f"A batch of ICT takes {size} blocks, but {has} It would hold blocks twice."
        yield findings.Finding(
            findings.WARNING, message, "ict.batch_size", size, max(2, num_blocks // 4)
        )


def of_lengths(
    config: config_lib.Config, lengths: text_lengths.Lengths
) -> Iterator[findings.Finding]:
    """Lengths that cut off too much."""
    queries = packing.QUERY_SPECIALS
    yield from _too_short(
        "open_qa.query_length",
        config.open_qa.query_length,
        lengths.questions + queries,
        "of the questions lose their end.",
        _FEW,
        refused=True,
    )
    if config.ict.steps:
        what = "of the sentences, which are the queries of ICT, lose their end."
        value = config.ict.query_length
        yield from _too_short("ict.query_length", value, lengths.sentences + queries, what, _MANY)
    if config.pretrain.steps:
        what = "of the sentences are too long to be masked whole."
        value = config.pretrain.query_length
        sentences = lengths.sentences + queries
        yield from _too_short("pretrain.query_length", value, sentences, what, _MANY)
    yield from _too_short(
        "model.reader.max_span_width",
        config.model.reader.max_span_width,
        lengths.answers,
        "of the questions have only longer answers.",
        _FEW,
        refused=True,
        step=1,
    )
    yield from _of_reader_length(config, lengths)


def of_vocabulary(
    config: config_lib.Config, lengths: text_lengths.Lengths
) -> Iterator[findings.Finding]:
    """A vocabulary that was made for other texts."""
    file = config.vocab.file
    if file is not None and lengths.unknown > _UNKNOWN:
        yield findings.Finding(
            findings.WARNING,
            f"{lengths.unknown:.1%} of the wordpieces of the corpus are unknown to the vocabulary"
            f" {file}. Does it fit the language, and vocab.lower_case"
            f" ({str(config.vocab.lower_case).lower()}) the vocabulary?",
        )
    elif file is not None and lengths.wordpieces_per_word > _SPLIT:
        yield findings.Finding(
            findings.WARNING,
            f"The vocabulary {file} splits a word of the corpus into"
            f" {lengths.wordpieces_per_word:.1f} wordpieces on average: it was made for other"
            " texts. An encoder that was trained on such texts would suit better.",
        )


def _of_reader_length(
    config: config_lib.Config, lengths: text_lengths.Lengths
) -> Iterator[findings.Finding]:
    """Answers that a reader does not see, because its input ends before them."""
    known = sum(lengths.fates.values())
    unread = lengths.fates.get(text_lengths.UNREAD, 0)
    if not known or unread <= _FEW * known:
        return
    value, positions = config.open_qa.reader_length, config.model.reader.encoder.max_positions
    wanted = _round(
        np.percentile(lengths.blocks, _WHOLE)
        + np.percentile(lengths.questions, _WHOLE)
        + packing.PAIR_SPECIALS
    )
    message = f"{unread / known:.0%} of the answers stand behind the part of a block that is read."
    if wanted <= positions:
        yield findings.Finding(
            findings.WARNING, message, "open_qa.reader_length", value, max(wanted, value)
        )
    else:
        room = config.blocks.length - (wanted - positions)
        shorter = max(16, room // _STEP * _STEP)
        yield findings.Finding(
            findings.WARNING, message, "blocks.length", config.blocks.length, shorter
        )


def _too_short(
    setting: str,
    value: int,
    lengths: np.ndarray,
    what: str,
    most: float,
    *,
    refused: bool = False,
    step: int = _STEP,
) -> Iterator[findings.Finding]:
    share = float(np.mean(lengths > value)) if lengths.size else 0.0
    if share > most:
        level = findings.ERROR if refused and share > _MOST else findings.WARNING
        proposed = _round(np.percentile(lengths, _WHOLE), step)
        yield findings.Finding(level, f"{share:.0%} {what}", setting, value, proposed)


def _round(length: float, step: int = _STEP) -> int:
    return int(-(-length // step)) * step
