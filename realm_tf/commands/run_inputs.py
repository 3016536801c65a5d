# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a run was started with, kept in its work directory so that any command can continue it."""

from __future__ import annotations

import dataclasses
import json
import os

import yaml

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.commands import paths
from realm_tf.data.corpus import formats as corpus_formats
from realm_tf.data.questions import questions
from realm_tf.storage import gfile

_CONFIG = "config.yaml"


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What the user brings.

    Attributes:
      corpus: Glob of documents.
      questions_train: JSON lines.
      questions_dev: JSON lines.
      beam_args: Options of the Beam jobs.
      format: Format of the corpus; see `corpus_formats`.
      pretrain_corpus: Glob of another corpus, in whose passages pre-training masks spans; None: the
        corpus itself, which is what is retrieved from in any case.
      pretrain_format: Format of that corpus; `realm-pretrain` brings its spans.
    """

    corpus: str
    questions_train: str
    questions_dev: str
    beam_args: tuple[str, ...] = ()
    format: str = corpus_formats.JSONL
    pretrain_corpus: str | None = None
    pretrain_format: str = corpus_formats.JSONL


def save(workdir: str, inputs: Inputs, config: config_lib.Config) -> None:
    """Writes inputs and resolved configuration, once the inputs are seen to be readable.

    Raises:
      UserError: If a corpus or a file of questions is missing or cannot be read.
    """
    corpus_formats.check(inputs.corpus, inputs.format, corpus_formats.BLOCK_FORMATS)
    if inputs.pretrain_corpus is not None:
        corpus_formats.check(inputs.pretrain_corpus, inputs.pretrain_format)
    for path in (inputs.questions_train, inputs.questions_dev):
        questions.read(path, config.questions)
    gfile.makedirs(workdir)
    text = json.dumps(dataclasses.asdict(inputs), indent=1)
    artifacts.write_text(os.path.join(workdir, paths.RUN), text)
    artifacts.write_text(os.path.join(workdir, _CONFIG), config_lib.dump(config))


def load(workdir: str) -> tuple[Inputs, config_lib.Config]:
    """Reads what `save` wrote.

    Raises:
      UserError: If the directory holds no run, or its settings are refused.
    """
    paths.check_run(workdir)
    body = artifacts.read_json(os.path.join(workdir, paths.RUN))
    settings = os.path.join(workdir, _CONFIG)
    with gfile.GFile(settings, "r") as f:
        values = yaml.safe_load(f.read())
    try:
        config = config_lib.from_dict(config_lib.Config, values)
    except types.UserError as error:
        raise types.UserError(f"{settings}: {error}") from None
    return Inputs(**{**body, "beam_args": tuple(body["beam_args"])}), config
