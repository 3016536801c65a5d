# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of the joint pre-training: the reader's warm-up, refresh, alarms."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from realm_tf.config import ranges
from realm_tf.config.model import OptimizerConfig
from realm_tf.config.refresh import RefreshConfig

KEEP = ("best", "last")
CHECKPOINTS = "Steps between checkpoints; the last step has one in any case."


@dataclasses.dataclass(frozen=True)
class WarmupConfig(ranges.Section):
    """The warm-up that a reader without BERT's weights needs (not in the paper).

    See [the reader's warm-up](training.md#the-readers-warm-up).
    """

    null_steps: int = ranges.setting(0, "Steps of the reader on the null block.", at_least=0)
    max_steps: int = ranges.setting(
        0,
        "Largest number of steps of the reader on the example's own block; without any step there"
        " is no gate.",
        at_least=0,
    )
    batch_size: int = ranges.setting(32, "Examples in a batch, over all replicas.", at_least=1)
    copy_accuracy: float = ranges.setting(
        0.8, "Copy accuracy at which the gate opens.", at_least=0, at_most=1
    )
    substitute: float = ranges.setting(
        0.0,
        "Share of examples whose answer is replaced by random wordpieces, so that the reader learns"
        " to copy and does not learn facts.",
        at_least=0,
        at_most=1,
    )
    distract: float = ranges.setting(
        0.0,
        "Share of batches in which every example reads the passage of another example, so that the"
        " reader learns not to copy from a block that does not fit.",
        at_least=0,
        at_most=1,
    )
    check_every_steps: int = ranges.setting(
        100,
        "Steps after which the copy accuracy is measured and a checkpoint is written.",
        at_least=1,
    )
    learning_rate: float = ranges.setting(
        1e-3, "Learning rate at step 0 of the decay.", above=0, at_most=1
    )

    def faults(self) -> Iterator[str]:
        """See `Section`."""
        if self.distract > 0 and self.batch_size < 2:
            yield (
                "distract needs a batch_size of at least 2, because the other passage is that of"
                f" another example of the batch. Received: {self.distract:g} and {self.batch_size}."
            )


@dataclasses.dataclass(frozen=True)
class AlarmsConfig(ranges.Section):
    """The alarms of joint training: when figures are a sign of the vicious cycle, and what follows.

    See [the vicious cycle](operations.md#the-vicious-cycle-and-how-to-see-it).
    """

    on_alarm: str = ranges.setting(
        "warn",
        "What follows from an alarm: a warning; or the run stops; or joint training ends, and the"
        " run goes on with the best weights so far (`best`).",
        choices=("warn", "stop", "best"),
    )
    window_steps: int = ranges.setting(
        1000,
        "Number of last steps that alarms look at; before there are as many, none is given.",
        at_least=1,
    )
    max_null_probability: float = ranges.setting(
        0.95,
        "Mean probability of the null block, from which on it takes nearly all.",
        at_least=0,
        at_most=1,
    )
    min_entropy: float = ranges.setting(
        0.02,
        "Mean entropy of p(z given x), as a share of ln(`num_candidates`), up to which it has"
        " collapsed.",
        at_least=0,
        at_most=1,
    )
    min_spread: float = ranges.setting(
        0.1,
        "Mean spread of the query vectors, as a share of that at the start, up to which it has"
        " collapsed.",
        at_least=0,
        at_most=1,
    )
    min_different_blocks: float = ranges.setting(
        0.05,
        "Share of different blocks among those that held-out sentences retrieve, up to which all"
        " retrieve the same.",
        at_least=0,
        at_most=1,
    )


@dataclasses.dataclass(frozen=True)
class PretrainConfig(ranges.Section):
    """The joint pre-training of retriever and reader (paper section 3)."""

    steps: int = ranges.setting(
        200_000,
        "Steps of joint training; 0 leaves it out, and what follows uses the embedder of ICT.",
        at_least=0,
    )
    batch_size: int = ranges.setting(512, "Examples in a batch, over all replicas.", at_least=1)
    query_length: int = ranges.setting(96, "Length of a masked sentence.", at_least=3)
    num_candidates: int = ranges.setting(
        8, "Number of candidates, including the null block.", at_least=2
    )
    max_masks: int = ranges.setting(
        10, "Largest number of masked wordpieces; longer spans are not masked.", at_least=1
    )
    objective: str = ranges.setting(
        "token",
        "`token`: as in the original code; `span`: as in the paper.",
        choices=("token", "span"),
    )
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=3e-5)
    query_weights: str = ranges.setting(
        "snapshot",
        "The weights that embed the queries which a batch is searched for: `snapshot`: those of the"
        " snapshot that is searched; `current`: those that the trainer has"
        " `runtime.prefetch_batches` - 1 steps before. See [refresh](training.md#refresh).",
        choices=("snapshot", "current"),
    )
    retriever_learning_rate: float | None = ranges.setting(
        None,
        "Learning rate of the retriever; null: the same as that of the reader.",
        above=0,
        at_most=1,
    )
    warmup: WarmupConfig = WarmupConfig()
    refresh: RefreshConfig = RefreshConfig()
    alarms: AlarmsConfig = AlarmsConfig()
    checkpoint_every_steps: int = ranges.setting(500, CHECKPOINTS, at_least=1)
    keep: str = ranges.setting(
        "best",
        "The weights that are kept: `best`: of the checkpoint with the best retrieval utility on"
        " masked spans of held-out documents; `last`: of the last step.",
        choices=KEEP,
    )
    held_out_examples: int = ranges.setting(
        256,
        "Number of held-out masked spans that measure a checkpoint, and (at most 256) a snapshot.",
        at_least=1,
    )

    @property
    def masks_spans(self) -> bool:
        """Whether the run masks salient spans: in joint training, or in the reader's warm-up."""
        return bool(self.steps or self.warmup.null_steps or self.warmup.max_steps)

    def faults(self) -> Iterator[str]:
        """See `Section`."""
        yield from self.optimizer.too_long(self.steps)
        if self.alarms.on_alarm == "best" and self.keep != "best":
            yield (
                "alarms.on_alarm best needs keep best, or there are no best weights. Received:"
                f" {self.keep}."
            )
