# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`realm convert --from realm-run`: what a run answers with, for other runs to start from.

The directory is like those of the importers: segments, and a `model.yaml`. The segments are copies,
so another run can tell that its embedder is the one which the query tower was trained with.
"""

from __future__ import annotations

import os
from typing import Any

import yaml

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.artifacts import gfile
from realm_tf.commands import paths, run_inputs, run_pipeline
from realm_tf.commands.documents import run_record
from realm_tf.text import vocabulary

KIND = "realm-run"
_STARTS = ("embedder", "reader", "open_qa")  # what another run fills with the weights
# What decides how a network's input looks, and so belongs to its weights.
_OF_INPUT = {"blocks": ("length", "template"), "open_qa": ("query_length", "reader_length")}


def take(workdir: str, destination: str) -> tuple[artifacts.Segment, ...]:
    """Copies vocabulary and weights of the system that a run exports; the run stays as it is.

    Args:
      workdir: Directory of the run, whose training has ended; it may still be measured.
      destination: New directory. It gets the segments, and `model.yaml`: the settings of a run that
        starts from these weights.

    Returns:
      The copied segments.

    Raises:
      UserError: If the directory holds no run, its training has not ended, a part is missing or
        damaged, or `destination` is not empty.
    """
    paths.check_new(destination)
    inputs, config = run_inputs.load(workdir)
    segments = tuple(_copy(part, destination) for part in _parts(workdir, inputs, config))
    settings = {**_settings(config), **_starts(segments[0], config, destination)}
    text = yaml.safe_dump(settings, sort_keys=False)
    artifacts.write_text(os.path.join(destination, paths.MODEL), text)
    return segments


def _parts(
    workdir: str, inputs: run_inputs.Inputs, config: config_lib.Config
) -> tuple[artifacts.Segment, ...]:
    """Vocabulary, and weights of embedder, reader and open QA."""
    run = run_pipeline.Pipeline(workdir, inputs, config, recorded=True)
    try:
        with artifacts.nothing_is_made(run.root):
            context, system, open_qa = run_record.to_export(workdir, run.training)
    except artifacts.NotMadeError as error:
        raise types.UserError(
            f"The training of {workdir} has not ended: {error} is not there. Give realm run with"
            " its work directory; it goes on where it stopped."
        ) from error
    return context.vocab, system.embedder_weights, system.reader_weights, open_qa


def _copy(segment: artifacts.Segment, destination: str) -> artifacts.Segment:
    """A copy of a segment with the same fingerprint; its checksums are compared."""
    is_vocabulary = segment.kind == vocabulary.KIND
    name = os.path.basename(segment.path) if is_vocabulary else segment.kind
    target = os.path.join(destination, name)
    gfile.makedirs(target)
    for file in (*(shard.name for shard in segment.shards), artifacts.MANIFEST):  # it comes last
        gfile.copy(segment.file(file), os.path.join(target, file))
    return artifacts.open_segment(target, segment.kind)


def _settings(config: config_lib.Config) -> dict[str, Any]:
    values = config_lib.to_dict(config)
    of_input = {
        section: {name: values[section][name] for name in names}
        for section, names in _OF_INPUT.items()
    }
    return {"model": values["model"], **of_input}


def _starts(
    vocab: artifacts.Segment, config: config_lib.Config, destination: str
) -> dict[str, Any]:
    file = vocab.file(vocabulary.FILE)
    return {
        "vocab": {"file": file, "lower_case": config.vocab.lower_case},
        "init": dict.fromkeys(_STARTS, destination),
    }
