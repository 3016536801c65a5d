# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a run was started with, kept in its work directory so that any command can continue it."""

from __future__ import annotations

import dataclasses
import glob
import json
import os
from collections.abc import Sequence

from beam_jobs.engine import runner
from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.commands import paths as path_checks
from realm_tf.config import parsing
from realm_tf.data.corpus import formats as corpus_formats
from realm_tf.data.questions import questions

_CONFIG = "config.yaml"
# Runs of before may lack these sections, whose defaults do what was done then.
_NEW = ("dual_encoder",)
_OF_EVALUATION = ("evaluation.", "retrieval.fusion.")
_OF_TRAINING = "evaluation.held_out_fraction"


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What the user brings.

    Attributes:
      corpus: Glob of documents.
      questions_train: JSON lines; None if no training learns from questions.
      questions_dev: JSON lines.
      beam_args: Options of the Beam jobs.
      format: Format of the corpus; see `corpus_formats`.
      pretrain_corpus: Glob of another corpus, in whose passages pre-training masks spans; None: the
        corpus itself, which is what is retrieved from in any case.
      pretrain_format: Format of that corpus; `realm-pretrain` brings its spans.
    """

    corpus: str
    questions_train: str | None
    questions_dev: str
    beam_args: tuple[str, ...] = ()
    format: str = corpus_formats.JSONL
    pretrain_corpus: str | None = None
    pretrain_format: str = corpus_formats.JSONL

    @property
    def looked_up(self) -> str:
        """The questions whose answers are looked up: training questions, or else dev questions."""
        return self.questions_train or self.questions_dev

    def absolute(self) -> Inputs:
        """The same, whatever directory a later command is given in."""
        other, train = self.pretrain_corpus, self.questions_train
        return dataclasses.replace(
            self,
            corpus=_absolute_glob(self.corpus),
            pretrain_corpus=None if other is None else _absolute_glob(other),
            questions_train=None if train is None else _absolute(train),
            questions_dev=_absolute(self.questions_dev),
        )


def check(inputs: Inputs, config: config_lib.Config) -> None:
    """Checks that the inputs which a run is started with are there and can be read.

    Raises:
      UserError: If a corpus or a file of questions is missing or cannot be read, or an option of
        Beam is none.
    """
    require_questions(inputs, config)
    runner.check(inputs.beam_args)
    corpus_formats.check(inputs.corpus, inputs.format, corpus_formats.BLOCK_FORMATS)
    if inputs.pretrain_corpus is not None:
        corpus_formats.check(inputs.pretrain_corpus, inputs.pretrain_format)
    for path in filter(None, (inputs.questions_train, inputs.questions_dev)):
        questions.read(path, config.questions)


def require_questions(inputs: Inputs, config: config_lib.Config) -> None:
    """Checks that there are training questions if something learns from them.

    Raises:
      UserError: If there are none.
    """
    if inputs.questions_train is None and (reason := config.learns_from_questions):
        raise types.UserError(
            f"Training questions are missing, and {reason}. Give --questions-train, or leave out"
            " what learns from questions (open_qa.steps=0, dual_encoder.steps=0)."
        )


def save(workdir: str, inputs: Inputs, config: config_lib.Config) -> bool:
    """Writes inputs and resolved configuration, with absolute paths.

    Returns:
      Whether results may differ from those of what the work directory held before.
    """
    inputs, config = inputs.absolute(), absolute_config(config)
    changed = not path_checks.is_run(workdir) or _decisive(*_known(workdir)) != _decisive(
        inputs, config
    )
    text = json.dumps(dataclasses.asdict(inputs), indent=1)
    artifacts.write_text(os.path.join(workdir, path_checks.RUN), text)
    artifacts.write_text(os.path.join(workdir, _CONFIG), config_lib.dump(config))
    return changed


def load(workdir: str) -> tuple[Inputs, config_lib.Config]:
    """Reads what `save` wrote.

    Raises:
      UserError: If the directory holds no run, or its files are broken.
    """
    path_checks.check_run(workdir)
    path = os.path.join(workdir, path_checks.RUN)
    try:
        inputs = _parse(artifacts.read_json(path))
        path = os.path.join(workdir, _CONFIG)
        return inputs, _read_config(path)
    except types.UserError as error:
        raise types.UserError(
            f"{path} is broken: {str(error).rstrip('.')}. Give realm run with all its options"
            " again, which writes the file anew; what is complete stays."
        ) from error


def evaluated_with(config: config_lib.Config, overrides: Sequence[str] = ()) -> config_lib.Config:
    """The configuration of a finished run with other settings of its evaluation.

    Raises:
      UserError: If a setting decides anything else, or is wrong.
    """
    for override in overrides:
        key = override.partition("=")[0].strip()
        if not key.startswith(_OF_EVALUATION) or key == _OF_TRAINING:
            raise types.UserError(
                f"Only settings of {' and '.join(name[:-1] for name in _OF_EVALUATION)} can be"
                f" changed here, but for held_out_fraction. Received: {override}. Give realm run"
                " this setting: it does again what depends on it."
            )
    return config_lib.override(config, overrides)


def change_evaluation(workdir: str, overrides: Sequence[str]) -> None:
    """Gives a run the settings of `evaluated_with`; writes nothing where they are its own."""
    inputs, config = load(workdir)
    if (changed := evaluated_with(config, overrides)) != config:
        save(workdir, inputs, changed)


def digest(inputs: Inputs, config: config_lib.Config) -> str:
    """A digest of what decides the data and weights of a run: of its inputs and most settings."""
    kept = config_lib.EvaluationConfig(held_out_fraction=config.evaluation.held_out_fraction)
    return artifacts.digest(_decisive(inputs, dataclasses.replace(config, evaluation=kept)))


def require_same(workdir: str, inputs: Inputs, config: config_lib.Config) -> None:
    """Refuses a worker that was given another run than the chief has saved.

    Raises:
      UserError: If what decides results differs.
    """
    if digest(*load(workdir)) != digest(inputs.absolute(), absolute_config(config)):
        raise types.UserError(
            "This worker was given other inputs or settings than the chief, whose are in"
            f" {workdir}. Give all workers the same command; only TF_CONFIG differs."
        )


def absolute_config(config: config_lib.Config) -> config_lib.Config:
    """The configuration with absolute paths of files."""
    starts = {
        field.name: value if value is None else _absolute(value)
        for field in dataclasses.fields(config.init)
        for value in [getattr(config.init, field.name)]
    }
    file, tagging, log = config.vocab.file, config.tagging, config.pretrain.refresh.replay_swaps
    if log is not None:
        config = config_lib.replaced(config, {"pretrain.refresh.replay_swaps": _absolute(log)})
    # These two name a thing that the project brings, or else a path.
    paths = {
        name: _absolute(value)
        for name in ("tagger", "dates")
        if os.path.exists(value := getattr(tagging, name))
    }
    return dataclasses.replace(
        config,
        init=dataclasses.replace(config.init, **starts),
        vocab=dataclasses.replace(config.vocab, file=file if file is None else _absolute(file)),
        tagging=dataclasses.replace(tagging, **paths),
    )


def _known(workdir: str) -> tuple[Inputs, config_lib.Config] | tuple[None, None]:
    try:
        return load(workdir)
    except types.UserError:  # it is written anew
        return None, None


def _decisive(inputs: Inputs | None, config: config_lib.Config | None) -> list:
    if inputs is None or config is None:
        return []
    return [
        dataclasses.asdict(dataclasses.replace(inputs, beam_args=())),
        config_lib.decisive(config),
    ]


def _parse(body: object) -> Inputs:
    if not isinstance(body, dict):
        raise types.UserError(f"it must hold a mapping of inputs. Received: {body!r}.")
    needed = [f.name for f in dataclasses.fields(Inputs) if f.default is dataclasses.MISSING]
    if missing := [name for name in needed if name not in body]:
        raise types.UserError(f"it lacks {', '.join(missing)}.")
    return config_lib.from_dict(Inputs, body)


def _read_config(path: str) -> config_lib.Config:
    values = parsing.read_yaml(path)
    sections = [field.name for field in dataclasses.fields(config_lib.Config)]
    # As of a file that was cut short.
    if missing := [name for name in sections if name not in values and name not in _NEW]:
        raise types.UserError(f"it lacks {', '.join(missing)}.")
    return config_lib.from_dict(config_lib.Config, values)


def _absolute(path: str) -> str:
    return path if artifacts.is_remote(path) else os.path.abspath(path)


def _absolute_glob(pattern: str) -> str:
    """An absolute pattern, in which the directory where it was given stands for itself alone."""
    if artifacts.is_remote(pattern) or os.path.isabs(pattern):
        return pattern
    if os.path.isdir(pattern):
        return os.path.abspath(pattern)
    return os.path.join(glob.escape(os.getcwd()), os.path.normpath(pattern))
