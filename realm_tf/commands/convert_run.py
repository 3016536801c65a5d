# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`realm convert --from realm-run`: what a finished run answers with, for other runs to start from.

The directory is like those of the importers: segments, and a `model.yaml`. The segments are copies,
so another run can tell that its embedder is the one which the query tower was trained with.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from realm_tf import artifacts, types
from realm_tf.artifacts import gfile
from realm_tf.commands import paths
from realm_tf.text import tokenizer as tokenizer_lib
from realm_tf.text import vocabulary
from serving import versions

KIND = "realm-run"
_STARTS = ("embedder", "reader", "open_qa")  # what another run fills with the weights
# Kinds of the copied segments, and what the record of an export calls them.
_ROLES = {vocabulary.KIND: "tokenizer"} | {f"{s}_weights": f"{s}_weights" for s in _STARTS}
# What decides how a network's input looks, and so belongs to its weights.
_OF_INPUT = {"blocks": ("length", "template"), "open_qa": ("query_length", "reader_length")}


def take(workdir: str, destination: str) -> tuple[artifacts.Segment, ...]:
    """Copies vocabulary and weights of the system that a run has exported; the run stays as it is.

    Args:
      workdir: Directory of the run.
      destination: New directory. It gets the segments, and `model.yaml`: the settings of a run that
        starts from these weights.

    Returns:
      The copied segments.

    Raises:
      UserError: If the directory holds no run, the run has not exported its model, a part is
        missing or damaged, or `destination` is not empty.
    """
    paths.check_run(workdir)
    paths.check_new(destination)
    record = _export(workdir)
    segments = [_copy(found, destination) for found in _parts(workdir, record["made_from"])]
    settings = {**_settings(record["config"]), **_starts(segments, record["config"], destination)}
    text = yaml.safe_dump(settings, sort_keys=False)
    artifacts.write_text(os.path.join(destination, paths.MODEL), text)
    return tuple(segments)


def _export(workdir: str) -> Mapping[str, Any]:
    """The record of the newest model that a run has exported."""
    directory = os.path.join(workdir, "export")
    for number in reversed(versions.complete(directory)):
        if record := versions.record(os.path.join(directory, str(number))):
            return record
    raise types.UserError(
        f"{workdir} has exported no model yet. Give realm run with its work directory to the end."
    )


def _parts(workdir: str, made_from: Mapping[str, str]) -> Iterator[artifacts.Segment]:
    root = os.path.join(workdir, "segments")
    for kind, role in _ROLES.items():
        found = (
            artifacts.open_segment(path, kind, verify=False)
            for path in artifacts.paths_in(root)
            if os.path.basename(path).startswith(f"{kind}-") and artifacts.is_complete(path)
        )
        part = next((one for one in found if _identity(one) == made_from[role]), None)
        if part is None:
            raise types.UserError(
                f"{root} does not hold the {kind} of the exported model ({made_from[role][:12]})."
                " Give realm run with its work directory to the end."
            )
        yield part


def _identity(segment: artifacts.Segment) -> str:
    """What an export calls a segment: a vocabulary by the tokenizer that it makes."""
    if segment.kind == vocabulary.KIND:
        return tokenizer_lib.Tokenizer.open(segment).fingerprint
    return segment.fingerprint


def _copy(segment: artifacts.Segment, destination: str) -> artifacts.Segment:
    """A copy of a segment with the same fingerprint; its checksums are compared."""
    is_vocabulary = segment.kind == vocabulary.KIND
    name = os.path.basename(segment.path) if is_vocabulary else segment.kind
    target = os.path.join(destination, name)
    gfile.makedirs(target)
    for file in (*(shard.name for shard in segment.shards), artifacts.MANIFEST):  # it comes last
        gfile.copy(segment.file(file), os.path.join(target, file))
    return artifacts.open_segment(target, segment.kind)


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    of_input = {
        section: {name: config[section][name] for name in names}
        for section, names in _OF_INPUT.items()
    }
    return {"model": config["model"], **of_input}


def _starts(
    segments: list[artifacts.Segment], config: Mapping[str, Any], destination: str
) -> dict[str, Any]:
    (vocab,) = (segment for segment in segments if segment.kind == vocabulary.KIND)
    return {
        "vocab": {
            "file": vocab.file(vocabulary.FILE),
            "lower_case": config["vocab"]["lower_case"],
        },
        "init": dict.fromkeys(_STARTS, destination),
    }
