# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The whole configuration of a run: loading it from YAML, overriding, checking and dumping it.

Nothing here imports TensorFlow. Lengths are in wordpieces with special tokens; steps are optimiser
steps. The defaults are the paper's (Guu et al., 2020), where the paper has the thing at all.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from realm_tf.config import parsing, ranges
from realm_tf.config.corpus import BlocksConfig, CorpusConfig, VocabConfig
from realm_tf.config.jobs import JobsConfig
from realm_tf.config.model import ModelConfig
from realm_tf.config.pretraining import PretrainConfig
from realm_tf.config.questions import QuestionsConfig
from realm_tf.config.retrieval import RetrievalConfig
from realm_tf.config.runtime import EvaluationConfig, RuntimeConfig
from realm_tf.config.tagging import SpanTaggerConfig, TaggingConfig
from realm_tf.config.training import DualEncoderConfig, IctConfig, InitConfig, OpenQaConfig

# Settings that change nothing in the result of a stage: when to save, to keep or to warn; and where
# a run is computed, so that it can go on elsewhere (there, sums may differ in their last bits).
_OPERATIONAL = {
    *("checkpoint_every_steps", "keep_snapshots", "refresher_threads", "poll_secs"),
    *("max_staleness_steps", "max_staleness_minutes", "on_stale"),
    "alarms",  # where one may end a training, `alarm_watch` says so
    "replay_swaps",  # by its swaps, wherever the file lies: see `replayed_refreshing`
    *("strategy", "tpu", "prefetch_batches", "input_threads", "profile_steps"),
    *("max_delta_fraction", "keep_revisions", "keep_revision_hours", "keep_hours"),
    "fusion",  # of what is measured or answers: its report, calibration and export name it
}


@dataclasses.dataclass(frozen=True)
class Config(ranges.Section):
    """The whole configuration of a run, one attribute for each section."""

    seed: int = ranges.setting(
        0,
        "Seed of all randomness: initial weights, order, masks.",
        at_least=0,
        at_most=2**32 - 1,
    )
    corpus: CorpusConfig = CorpusConfig()
    vocab: VocabConfig = VocabConfig()
    blocks: BlocksConfig = BlocksConfig()
    jobs: JobsConfig = JobsConfig()
    tagging: TaggingConfig = TaggingConfig()
    questions: QuestionsConfig = QuestionsConfig()
    model: ModelConfig = ModelConfig()
    init: InitConfig = InitConfig()
    ict: IctConfig = IctConfig()
    pretrain: PretrainConfig = PretrainConfig()
    dual_encoder: DualEncoderConfig = DualEncoderConfig()
    open_qa: OpenQaConfig = OpenQaConfig()
    span_tagger: SpanTaggerConfig = SpanTaggerConfig()
    retrieval: RetrievalConfig = RetrievalConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    runtime: RuntimeConfig = RuntimeConfig()

    def faults(self) -> Iterator[str]:
        """See `Section`."""
        read_by = {
            "embedder": {
                "blocks.length": self.blocks.length,
                "ict.query_length": self.ict.query_length,
                "pretrain.query_length": self.pretrain.query_length,
                # A stage that is left out reads nothing.
                "dual_encoder.query_length": self.dual_encoder.query_length
                if self.dual_encoder.steps
                else 0,
                "open_qa.query_length": self.open_qa.query_length,
            },
            "reader": {
                "pretrain.query_length + blocks.length": self.pretrain.query_length
                + self.blocks.length,
                "open_qa.reader_length": self.open_qa.reader_length,
            },
        }
        for network, lengths in read_by.items():
            positions = getattr(self.model, network).encoder.max_positions
            for name, length in lengths.items():
                if length > positions:
                    yield (
                        f"{name} is {length}, but model.{network}.encoder.max_positions is"
                        f" {positions}. Lower the one or raise the other."
                    )
        yield from self._segment_faults()
        yield from self._staleness_faults()
        by_workers = self.runtime.strategy == "multi_worker_mirrored"
        if self.pretrain.query_weights == "current" and by_workers:
            yield (
                "pretrain.query_weights must be snapshot with runtime.strategy"
                " multi_worker_mirrored. Received: current."
            )
        if self.pretrain.refresh.replay_swaps is not None and self.runtime.device_loop:
            yield (
                "pretrain.refresh.replay_swaps needs runtime.device_loop false, because the log may"
                " name any step. Set runtime.static_shapes true for the same shapes."
            )
        if not self.open_qa.steps and self.init.open_qa is None:
            yield (
                "open_qa.steps must be at least 1 without init.open_qa, because what finds the"
                " answer in a block starts from random weights. Received: 0. Train it, or start"
                " from weights that answer already, with the model.yaml of realm convert --from"
                " realm-run."
            )
        if (self.evaluation.num_read or 1) > self.open_qa.num_searched:
            yield (
                "evaluation.num_read must be at most open_qa.num_searched. Received:"
                f" {self.evaluation.num_read} and {self.open_qa.num_searched}."
            )
        if self.model.reader.max_span_width > self.open_qa.reader_length:
            yield (
                "model.reader.max_span_width must be at most open_qa.reader_length. Received:"
                f" {self.model.reader.max_span_width} and {self.open_qa.reader_length}."
            )

    @property
    def learns_from_questions(self) -> str:
        """What is trained on questions, as part of a message; empty if nothing is."""
        steps = {"dual_encoder": self.dual_encoder.steps, "open_qa": self.open_qa.steps}
        return " and ".join(f"{name}.steps is {n}" for name, n in steps.items() if n)

    @property
    def answering(self) -> Config:
        """The configuration of a system that answers: `open_qa.num_read` is what it reads then."""
        num_read = self.evaluation.num_read or self.open_qa.num_read
        return dataclasses.replace(
            self, open_qa=dataclasses.replace(self.open_qa, num_read=num_read)
        )

    def _staleness_faults(self) -> Iterator[str]:
        refresh = self.pretrain.refresh
        budget, oldest = refresh.max_staleness_steps, refresh.oldest(self.runtime.prefetch_batches)
        is_short = budget is not None and budget < oldest
        if refresh.on_stale != "warn" and refresh.mode != "off" and is_short:
            yield (
                f"pretrain.refresh.max_staleness_steps must be at least {oldest} with on_stale"
                f" {refresh.on_stale}: every_steps + runtime.prefetch_batches - 1, which is how old"
                f" a snapshot is when the next takes effect at the earliest. Received: {budget}."
            )

    def _segment_faults(self) -> Iterator[str]:
        pairs = {"reader": True, "embedder": self.blocks.template == "title_body"}
        for network, reads_pairs in pairs.items():
            size = getattr(self.model, network).encoder.type_vocab_size
            if reads_pairs and size < 2:
                yield (
                    f"model.{network}.encoder.type_vocab_size must be at least 2, because it reads"
                    f" pairs of texts. Received: {size}."
                )


def load(paths: str | Sequence[str] | None, overrides: Sequence[str] = ()) -> Config:
    """Loads YAML files (local), applies "a.b=value" overrides, and checks the result.

    Args:
      paths: YAML file, or several, of which a later one changes the settings that it names; None or
        none for the defaults.
      overrides: Settings to change, each "section.key=value"; the value is read as YAML.

    Raises:
      UserError: Missing file, bad YAML, an unknown key (with the nearest valid one), a wrong type,
        a value out of range, values that do not go together, or a path that is not there.
    """
    values: dict[str, Any] = {}
    for path in [paths] if isinstance(paths, str) else paths or ():
        parsing.merge(values, parsing.read_yaml(path))
    for override in overrides:
        parsing.apply_override(values, override)
    config = from_dict(Config, values)
    parsing.check_paths(config)
    return config


def override(config: Config, overrides: Sequence[str]) -> Config:
    """A configuration with some settings changed; see `load`."""
    values = to_dict(config)
    for one in overrides:
        parsing.apply_override(values, one)
    return from_dict(Config, values)


def from_dict(cls: type, values: Mapping[str, Any]) -> Any:
    """Makes a whole configuration, or a section `cls` of it, from nested dicts: undoes `to_dict`.

    Raises:
      UserError: If a key is unknown (with the nearest valid one), or a value is of a wrong type or
      out of range.
    """
    return parsing.from_dict(cls, values)


def replaced(config: Config, changes: Mapping[str, Any]) -> Config:
    """A configuration with other values of some settings, each named as "section.key".

    Raises:
      UserError: As `from_dict`.
    """
    values = to_dict(config)
    for name, value in changes.items():
        *sections, key = name.split(".")
        functools.reduce(operator.getitem, sections, values)[key] = value
    return from_dict(Config, values)


def to_dict(config: Any) -> dict[str, Any]:
    """The configuration of a run as nested dicts, lists and scalars: what `from_dict` takes."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {k: plain(v) for k, v in value.items()}
        return list(value) if isinstance(value, tuple) else value

    return plain(dataclasses.asdict(config))


def decisive(config: Any) -> dict[str, Any]:
    """`to_dict` without what only says when to save, or where to compute: what decides a result.

    Batches are functions of their index, so the settings of the input change none; but in joint
    training, `prefetch_batches` also decides when a snapshot takes effect.
    """

    def without(values: dict[str, Any]) -> dict[str, Any]:
        return {
            key: without(value) if isinstance(value, dict) else value
            for key, value in values.items()
            if key not in _OPERATIONAL
        }

    return without(to_dict(config))


def dump(config: Config) -> str:
    """The whole configuration as YAML text that `load` reads back."""
    return yaml.safe_dump(to_dict(config), sort_keys=False)
