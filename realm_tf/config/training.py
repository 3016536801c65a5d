# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of the training experiments, and of the weights that they start from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from realm_tf.config import pretraining, ranges
from realm_tf.config.model import OptimizerConfig


@dataclasses.dataclass(frozen=True)
class InitConfig(ranges.Section):
    """Weights to start from, which `realm convert` made; null: random weights.

    See [weights.md](weights.md#starting-a-run-from-it).
    """

    embedder: str | None = ranges.setting(
        None,
        "Directory with `embedder_weights` or `bert_weights`: ICT starts there.",
        path="directory",
    )
    reader: str | None = ranges.setting(
        None,
        "Directory with `reader_weights` or `bert_weights`: the reader's warm-up starts there.",
        path="directory",
    )
    open_qa: str | None = ranges.setting(
        None,
        "Directory with `open_qa_weights` or `span_reader_weights`: fine-tuning starts with their"
        " reader, which answers already, and with their query tower where it belongs to the"
        " embedder of the run.",
        path="directory",
    )
    tagger: str | None = ranges.setting(
        None,
        "Directory with `reader_weights` or `bert_weights`: the span tagger starts there.",
        path="directory",
    )


@dataclasses.dataclass(frozen=True)
class IctConfig(ranges.Section):
    """The inverse-cloze warm start of the embedder (ORQA, Lee et al., 2019)."""

    steps: int = ranges.setting(
        100_000, "Training steps; 0: the initial weights are used as they are.", at_least=0
    )
    batch_size: int = ranges.setting(4096, "Examples in a batch, over all replicas.", at_least=2)
    query_length: int = ranges.setting(64, "Length of a sentence.", at_least=3)
    keep_probability: float = ranges.setting(
        0.1, "Probability that the sentence stays in its block.", at_least=0, at_most=1
    )
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=1e-4)
    checkpoint_every_steps: int = ranges.setting(1000, pretraining.CHECKPOINTS, at_least=1)

    def faults(self) -> Iterator[str]:
        """See `Section`."""
        yield from self.optimizer.too_long(self.steps)


@dataclasses.dataclass(frozen=True)
class DualEncoderConfig(ranges.Section):
    """The embedder's training on questions with their passages, before fine-tuning (DPR)."""

    steps: int = ranges.setting(0, "Training steps; 0: there is no such training.", at_least=0)
    batch_size: int = ranges.setting(128, "Questions in a batch, over all replicas.", at_least=2)
    query_length: int = ranges.setting(64, "Length of a question.", at_least=3)
    hard_negatives: int = ranges.setting(
        1,
        "Number of wrong blocks of every question, drawn from those that BM25 finds for it; 0: the"
        " right blocks of the other questions are the only negatives, and BM25 is not used.",
        at_least=0,
    )
    bm25_blocks: int = ranges.setting(
        50, "Number of BM25's first blocks that they are drawn from.", at_least=1
    )
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=2e-5)
    checkpoint_every_steps: int = ranges.setting(500, pretraining.CHECKPOINTS, at_least=1)

    def faults(self) -> Iterator[str]:
        """See `Section`."""
        yield from self.optimizer.too_long(self.steps)


@dataclasses.dataclass(frozen=True)
class SupervisionConfig(ranges.Section):
    """What fine-tuning is shown besides the blocks that its own retriever finds."""

    bm25_blocks: int = ranges.setting(
        0,
        "Number of BM25's first blocks that are put among the searched ones of every question, as"
        " hard negatives or as positives, in place of the last; 0: BM25 is not used.",
        at_least=0,
    )
    read: str = ranges.setting(
        "dense",
        "Whose first blocks the reader reads in training: `dense`: those that the fine-tuned"
        " retriever finds; `bm25`: BM25's; `both`: of the two in turn.",
        choices=("dense", "bm25", "both"),
    )
    passages: str = ranges.setting(
        "none",
        "Who is taught with the documents that the questions name (`doc_ids`): `retriever`: their"
        " blocks are the only right ones of its loss, and always searched; `reader`: one of them is"
        " always read, in place of the last; `both`; `none`.",
        choices=("none", "retriever", "reader", "both"),
    )

    @property
    def teaches_retriever(self) -> bool:
        """Whether named documents are what the retriever has to find."""
        return self.passages in ("retriever", "both")

    @property
    def teaches_reader(self) -> bool:
        """Whether one of their blocks is read."""
        return self.passages in ("reader", "both")

    def faults(self) -> Iterator[str]:
        """See `Section`."""
        if self.read != "dense" and not self.bm25_blocks:
            yield (
                "bm25_blocks must be at least 1 with read bm25 and both. Received: 0 and"
                f" {self.read}."
            )


@dataclasses.dataclass(frozen=True)
class OpenQaConfig(ranges.Section):
    """The fine-tuning to answer questions (paper section 4.3, ORQA)."""

    steps: int = ranges.setting(
        10_000,
        "Training steps; 0: the weights of `init.open_qa` are used as they are. Without these, what"
        " finds the answer in a block starts from random weights, and has to be trained.",
        at_least=0,
    )
    batch_size: int = ranges.setting(1, "Questions in a batch, over all replicas.", at_least=1)
    query_length: int = ranges.setting(64, "Length of a question, also in the export.", at_least=3)
    reader_length: int = ranges.setting(
        320,
        "Length of question and block together; at least `query_length` + 2.",
        at_least=5,
    )
    num_searched: int = ranges.setting(
        5000,
        "Number of blocks in the loss of the retriever, at most those that there are.",
        at_least=1,
    )
    num_read: int = ranges.setting(
        5,
        "Number of blocks that are read in training, at most `num_searched`; also to answer, unless"
        " `evaluation.num_read` says otherwise.",
        at_least=1,
    )
    max_answers: int = ranges.setting(
        16, "Largest number of places of answers in a block that the loss uses.", at_least=1
    )
    answer_rule: str = ranges.setting(
        "normalised",
        "When a searched block holds an answer: `normalised`: when it has the answer's words, in"
        " this order, without regard to case, accents' form, articles and punctuation; `original`:"
        " when it has the answer's characters, even inside a word, as in the original code.",
        choices=("normalised", "original"),
    )
    optimizer: OptimizerConfig = OptimizerConfig(learning_rate=1e-5)
    checkpoint_every_steps: int = ranges.setting(500, pretraining.CHECKPOINTS, at_least=1)
    keep: str = ranges.setting(
        "best",
        "The weights that are kept: `best`: of the checkpoint with the best exact match on held-out"
        " training questions, which are not trained on; `last`: of the last step.",
        choices=pretraining.KEEP,
    )
    held_out_questions: int = ranges.setting(
        200, "Largest number of held-out questions that measure a checkpoint.", at_least=1
    )

    supervision: SupervisionConfig = SupervisionConfig()

    def faults(self) -> Iterator[str]:
        """See `Section`."""
        if self.num_read > self.num_searched:
            yield (
                "num_read must be at most num_searched. Received:"
                f" {self.num_read} and {self.num_searched}."
            )
        if self.supervision.bm25_blocks > self.num_searched:
            yield (
                "supervision.bm25_blocks must be at most num_searched. Received:"
                f" {self.supervision.bm25_blocks} and {self.num_searched}."
            )
        if self.reader_length < self.query_length + 2:
            yield (
                "reader_length must be at least query_length + 2, or nothing of a block is read"
                f" behind the question. Received: {self.reader_length} and {self.query_length}."
            )
        yield from self.optimizer.too_long(self.steps)
