# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Refuses wrong paths at once: nothing here imports TensorFlow, which takes many seconds.

A command checks more when it reads what is there.
"""

from __future__ import annotations

import os
import re

from realm_tf import artifacts, types
from realm_tf.artifacts import gfile
from serving import versions

RUN = "run.json"
MODEL = "model.yaml"  # settings of a run that starts from the weights beside it
# Kinds of weights whose sources may be names of the hub: "google-bert/bert-base-uncased".
HUB_KINDS = ("hf-bert", "hf-realm")

_HUB_NAME = re.compile(r"(\w[\w.-]*/)?\w[\w.-]*")


def check_segment(path: str, kind: str) -> None:
    """Checks that a complete segment of this kind is at `path`.

    Raises:
      UserError: If there is none, or a file of it is missing.
    """
    artifacts.open_segment(path, kind, verify=False)


def is_run(path: str) -> bool:
    """Whether a path that a command was given is that of a run: looks for one file's name alone."""
    return gfile.exists(os.path.join(path, RUN))


def check_run(workdir: str) -> None:
    """Checks that a run was started in `workdir`.

    Raises:
      UserError: If none was.
    """
    if not is_run(workdir):
        raise types.UserError(f"{workdir} holds no run (no {RUN}). Start it with realm run.")


def check_model(path: str) -> None:
    """Checks that a model which answers is at `path`: an export, or one version of one.

    Raises:
      UserError: If the directory is neither.
    """
    if not versions.is_version(path):
        check_export(path)


def check_export(path: str, *, reader_alone: bool = False) -> None:
    """Checks that an exported model is at `path`: one, or several (`--apart`, `--shards`).

    Args:
      path: Directory of the export.
      reader_alone: Whether only the reader needs to be there.

    Raises:
      UserError: If the directory holds no version of one, or is one itself.
    """
    if versions.is_version(path):
        raise types.UserError(
            f"{path} is one version of an exported model. Give the directory that holds it:"
            f" {os.path.dirname(path.rstrip('/')) or os.curdir}."
        )
    reader = os.path.join(path, versions.READER)
    retrievers = versions.shards(path) or [os.path.join(path, versions.RETRIEVER)]
    parts = [reader] if reader_alone else [reader, *retrievers]
    is_one = versions.numbers(path) and not reader_alone
    if not is_one and not all(map(versions.numbers, parts)):
        raise types.UserError(
            f"{path} holds no exported model: no directory with a number. Run `realm export`."
        )


def check_files(pattern: str) -> None:
    """Checks that a pattern names a file, or a folder.

    Raises:
      UserError: If nothing matches it.
    """
    if not gfile.exists(pattern) and not gfile.glob(pattern):
        raise types.UserError(
            f"No file matches {pattern!r}. Give a file, a folder, or a pattern such as"
            " 'corpus/*.jsonl.gz'."
        )


def check_weights(path: str) -> None:
    """Checks that a file, a directory, or a checkpoint (named by its prefix) is at `path`.

    Raises:
      UserError: If there is none.
    """
    if not gfile.exists(path) and not gfile.exists(f"{path}.index"):
        raise types.UserError(f"No such file, directory or checkpoint: {path}.")


def check_new(directory: str) -> None:
    """Checks that a directory to write to is not there yet, or is empty.

    Raises:
      UserError: If it holds anything, or is a file.
    """
    if gfile.exists(directory) and (not gfile.isdir(directory) or gfile.listdir(directory)):
        raise types.UserError(f"{directory} is not an empty directory. Give a new one.")


def is_hub_name(source: str) -> bool:
    """Whether a path that is not there may be the name of a model of the Hugging Face hub."""
    return _HUB_NAME.fullmatch(source) is not None and not gfile.exists(source)


def check_file(path: str, what: str) -> None:
    """Checks that a file is at `path`; `what` names it, e.g. "file of questions".

    Raises:
      UserError: If there is none.
    """
    if not gfile.exists(path):
        raise types.UserError(f"No such {what}: {path}.")


def check_plot(path: str | None) -> None:
    """Checks that the name of a picture ends in a format that can be drawn.

    Raises:
      UserError: If it does not.
    """
    if path is not None and not path.endswith((".svg", ".png", ".pdf")):
        raise types.UserError(f"A plot must be named *.svg, *.png or *.pdf. Received: {path}.")
