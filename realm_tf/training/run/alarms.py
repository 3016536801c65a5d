# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Alarms of joint training: signs of the vicious cycle, as pure functions of its figures.

A reader that ignores the blocks teaches the retriever nothing; a retriever that finds nothing
teaches the reader to ignore the blocks. Each alarm looks at the last `window_steps` steps, and says
what to check.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from realm_tf import config as config_lib
from realm_tf.training.engine import figures

_LOSS_FALLS = 0.95  # a loss below this share of an earlier one has fallen
_RECALL_FALLS = 0.5  # the same of recall

Rows = Sequence[figures.Row]


def look(rows: Rows, config: config_lib.PretrainConfig) -> dict[str, str]:
    """The alarms that the figures give.

    Args:
      rows: Of the loops so far, from the first one on.
      config: Thresholds, and the number of candidates.

    Returns:
      Name of the alarm to what was seen and what to check. None before the first
      `alarms.window_steps` steps are done.
    """
    window = config.alarms.window_steps
    if not rows or rows[-1]["step"] < window:
        return {}
    found = ((name, test(rows, config)) for name, test in _TESTS.items())
    return {name: message for name, message in found if message}


def _last(rows: Rows, config: config_lib.PretrainConfig, *, until: float | None = None) -> Rows:
    """The rows of the window that ends at a step, by default the last one."""
    limit = rows[-1]["step"] if until is None else until
    return [r for r in rows if limit - config.alarms.window_steps < r["step"] <= limit]


def _mean(rows: Rows, name: str) -> float | None:
    values = [row[name] for row in rows if name in row]
    return sum(values) / len(values) if values else None


def _no_utility(rows: Rows, config: config_lib.PretrainConfig) -> str | None:
    mean = _mean(_last(rows, config), "retrieval_utility")
    if mean is None or mean > 0:
        return None
    return (
        f"the retrieved blocks do not help the reader: retrieval_utility is {mean:.3f}. Check that"
        " the reader can copy (pretrain.warmup, or BERT's weights), and that the blocks hold what"
        " is masked (held_out_recall)"
    )


def _null_block(rows: Rows, config: config_lib.PretrainConfig) -> str | None:
    mean = _mean(_last(rows, config), "null_probability")
    if mean is None or mean < config.alarms.max_null_probability:
        return None
    return (
        f"the null block takes nearly all: null_probability is {mean:.3f}. Check that ICT was"
        " trained long enough, and that the reader can copy (pretrain.warmup.copy_accuracy)"
    )


def _low_entropy(rows: Rows, config: config_lib.PretrainConfig) -> str | None:
    mean, most = _mean(_last(rows, config), "retrieval_entropy"), math.log(config.num_candidates)
    if mean is None or mean > config.alarms.min_entropy * most or _null_block(rows, config):
        return None
    return (
        f"one block takes nearly all of p(z given x): retrieval_entropy is {mean:.3f} of at most"
        f" {most:.3f}. If retrieval_utility does not rise, lower pretrain.retriever_learning_rate"
    )


def _low_spread(rows: Rows, config: config_lib.PretrainConfig) -> str | None:
    mean = _mean(_last(rows, config), "query_spread")
    first = next((row["query_spread"] for row in rows if "query_spread" in row), None)
    if mean is None or first is None or mean > config.alarms.min_spread * first:
        return None
    return (
        f"the vectors of different queries become one: query_spread is {mean:.4f}, and was"
        f" {first:.4f} at the start. Lower pretrain.retriever_learning_rate"
    )


def _same_blocks(rows: Rows, config: config_lib.PretrainConfig) -> str | None:
    share = figures.latest(rows, "held_out_different_blocks")
    if share is None or share > config.alarms.min_different_blocks:
        return None
    return (
        "all queries retrieve the same blocks: held_out_different_blocks, the share of different"
        f" ones, is {share:.3f}. Lower pretrain.retriever_learning_rate, refresh more often"
        " (pretrain.refresh.every_steps), and check the corpus for blocks that are no text"
    )


def _recall_falls(rows: Rows, config: config_lib.PretrainConfig) -> str | None:
    del config
    recalls = [row["held_out_recall"] for row in rows if "held_out_recall" in row]
    if not recalls or recalls[-1] >= _RECALL_FALLS * max(recalls):
        return None
    return (
        f"the snapshots find less and less: held_out_recall is {recalls[-1]:.3f}, and was"
        f" {max(recalls):.3f}. Lower pretrain.retriever_learning_rate"
    )


def _memorises(rows: Rows, config: config_lib.PretrainConfig) -> str | None:
    measured = [row for row in rows if "held_out_accuracy" in row]
    if not measured:
        return None
    best = max(measured, key=lambda row: row["held_out_accuracy"])
    if rows[-1]["step"] - best["step"] < config.alarms.window_steps:
        return None
    now, then = (
        _mean(_last(rows, config, until=step), "training_loss")
        for step in (rows[-1]["step"], best["step"])
    )
    if now is None or then is None or now >= _LOSS_FALLS * then:
        return None
    return (
        f"the loss falls ({then:.3f} to {now:.3f}), but held_out_accuracy has not risen above its"
        f" {best['held_out_accuracy']:.3f} of step {best['step']:.0f}: the reader memorises. Use"
        " more text, a smaller reader, or fewer steps"
    )


_TESTS: Mapping[str, Callable[[Rows, config_lib.PretrainConfig], str | None]] = {
    "no_utility": _no_utility,
    "null_block": _null_block,
    "low_entropy": _low_entropy,
    "low_spread": _low_spread,
    "same_blocks": _same_blocks,
    "recall_falls": _recall_falls,
    "memorises": _memorises,
}
_PREFIX = "alarm_"


def flags(found: Mapping[str, str]) -> dict[str, float]:
    """What `look` found as figures of a row: 1 for an alarm, 0 for none."""
    return {f"{_PREFIX}{name}": float(name in found) for name in _TESTS}


def begun(rows: Rows) -> Iterator[tuple[int, str]]:
    """Step and name of every alarm, where it began, from the flags in the rows."""
    before: set[str] = set()
    for row in rows:
        now = {n.removeprefix(_PREFIX) for n, v in row.items() if n.startswith(_PREFIX) and v}
        yield from ((int(row["step"]), name) for name in sorted(now - before))
        before = now
