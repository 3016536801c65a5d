# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of the devices that a run uses, and of what is measured in its evaluation."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from realm_tf.config import ranges


@dataclasses.dataclass(frozen=True)
class RuntimeConfig(ranges.Section):
    """The devices and the input pipeline of a run."""

    strategy: str = ranges.setting(
        "one_device",
        "Distribution strategy; see [strategies](training.md#strategies).",
        choices=("one_device", "mirrored", "multi_worker_mirrored", "tpu"),
    )
    tpu: str | None = ranges.setting(None, "Name of the TPU; null: the local one.")
    mixed_bfloat16: bool = ranges.setting(
        False, "Whether to compute in bfloat16 and keep the weights in float32."
    )
    jit_compile: bool = ranges.setting(False, "Whether to compile with XLA, on one replica.")
    static_shapes: bool | None = ranges.setting(
        None,
        "Whether all batches have the same shapes, padded to the longest that may be; null: only"
        " where it is needed (a TPU, `jit_compile`, `device_loop`, several workers, accumulation)."
        " Without it, batches are cut behind their longest text.",
    )
    device_loop: bool = ranges.setting(
        False,
        "Whether up to 100 steps run in one compiled call, on batches that tf.data brings to the"
        " device ahead; in open QA, whose batches need current weights, every step returns to the"
        " host nevertheless. See [loops on the device](training.md#loops-on-the-device).",
    )
    accumulation_steps: int = ranges.setting(
        1,
        "In how many parts, one after the other, the batch of every replica is computed: as many"
        " times less memory, and the same step.",
        at_least=1,
        at_most=10_000,
    )
    remat: bool = ranges.setting(
        False,
        "Whether to keep only the inputs of every layer of the encoders, and to compute the rest"
        " again for the gradients: less memory, more time.",
    )
    prefetch_batches: int = ranges.setting(
        4,
        "Number of batches that are made ahead; also the number of steps after a refresh until its"
        " snapshot takes effect.",
        at_least=1,
        at_most=10_000,
    )
    input_threads: int = ranges.setting(
        1, "Number of threads that make batches.", at_least=1, at_most=1000
    )

    profile_steps: tuple[int, ...] | None = ranges.setting(
        None,
        "Two numbers of steps: every training is profiled from the first on, up to the second;"
        " null: nothing is. See [profiles](operations.md#profiles).",
        at_least=0,
        increasing=True,
    )

    @property
    def has_static_shapes(self) -> bool:
        """Whether all batches have the same shapes."""
        return self._needs_static_shapes if self.static_shapes is None else self.static_shapes

    @property
    def _needs_static_shapes(self) -> bool:
        # XLA compiles every shape anew; workers must trace the same functions in the same order;
        # what is accumulated is traced in parts; a compiled loop has one trace for all its steps.
        return (
            self.jit_compile
            or self.device_loop
            or self.strategy in ("tpu", "multi_worker_mirrored")
            or self.accumulation_steps > 1
        )

    def faults(self) -> Iterator[str]:
        """See `Section`."""
        if self.profile_steps is not None and len(self.profile_steps) != 2:
            yield (
                "profile_steps must be two numbers, such as [100, 110], or null. Received:"
                f" {list(self.profile_steps)}."
            )
        if self.static_shapes is False and self._needs_static_shapes:
            yield (
                "static_shapes must not be false with jit_compile, device_loop, accumulation_steps"
                " or the strategies tpu and multi_worker_mirrored. Leave it out."
            )
        if self.device_loop and self.accumulation_steps > 1:
            yield (
                "device_loop must be false with accumulation_steps, whose parts the host puts"
                f" together. Received: true and {self.accumulation_steps}."
            )


@dataclasses.dataclass(frozen=True)
class EvaluationConfig(ranges.Section):
    """What is measured of a run, and on how many examples."""

    recall_at: tuple[int, ...] = ranges.setting(
        (1, 5, 10, 20, 50, 100),
        "Values of k for recall@k; the search goes as deep as the largest.",
        at_least=1,
        increasing=True,
    )
    max_questions: int = ranges.setting(
        2000,
        "Largest number of dev questions; if there are more, an even sample of them is used.",
        at_least=1,
    )
    masked_examples: int = ranges.setting(
        1024, "Number of held-out masked spans on which a system is measured.", at_least=1
    )
    held_out_fraction: float = ranges.setting(
        0.1, "Share of the documents that is held out, chosen by hash.", above=0, below=1
    )
    baselines: bool = ranges.setting(
        True, "Whether a random embedder and ICT alone are fine-tuned and measured, too."
    )
    num_read: int | None = ranges.setting(
        None,
        "Number of blocks that are read for an answer, in evaluation and in the export, at most"
        " `open_qa.num_searched`; null: `open_qa.num_read`, as in training.",
        at_least=1,
    )
    reader_dtype: str = ranges.setting(
        "float32",
        "Number type in which the reader's encoder computes to answer, in evaluation and in the"
        " export. `bfloat16` is faster where the processor has it"
        " ([serving.md](serving.md#how-fast-it-is)).",
        choices=("float32", "bfloat16"),
    )
    arms: tuple[str, ...] = ranges.setting(
        ("fine_tuned",),
        "Retrievers whose first blocks the fine-tuned reader reads, each with figures of its own;"
        " what is exported is read in any case: `fine_tuned`, or `bm25+fine_tuned` with"
        " `retrieval.fusion.serve` ([evaluation.md](evaluation.md#retrievers-side-by-side)).",
        choices=("bm25", "dense", "fine_tuned", "bm25+dense", "bm25+fine_tuned"),
    )
    arm_scores: str = ranges.setting(
        "retriever",
        "What is added to the reader's score in the other arms: `retriever`: the score of the"
        " retriever that found the block, of BM25 and the fusions the logarithm of that by ranks;"
        " `fine_tuned`: the score that the fine-tuned retriever gives this block.",
        choices=("retriever", "fine_tuned"),
    )
