# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Fetches a model of the Hugging Face hub by its name, from the local cache or the network.

The package huggingface_hub does it, which is optional (`pip install "realm-tf[hub]"`). Where its
cache and its access token are, and that it stays offline, are its own environment variables.
"""

from __future__ import annotations

import importlib
import os
import re
from typing import Any, NamedTuple

from realm_tf import types

_COMMIT = re.compile(r"[0-9a-f]{40}")
# Weights in either form, and what tells of configuration and tokenizer; none of other frameworks.
_FILES = ("config.json", "vocab.txt", "tokenizer*.json", "model*.safetensors*")
_TORCH = "pytorch_model.bin"


class Fetched(NamedTuple):
    """A model of the hub that is on this machine.

    Attributes:
      name: Name of the model, e.g. "google-bert/bert-base-uncased".
      revision: The commit, 40 hexadecimal digits.
      path: Directory of its files.
    """

    name: str
    revision: str
    path: str


def fetch(name: str, revision: str | None = None) -> Fetched:
    """Fetches the files of a model; those in the cache are not fetched again.

    Args:
      name: Name of the model.
      revision: A branch, a tag or a commit; None: the branch "main". A commit that is in the cache
        needs no network; of a branch or a tag the newest commit is asked for, and without network
        the one in the cache is taken.

    Raises:
      UserError: If the package huggingface_hub is not there, or the model is neither in the cache
        nor to be had.
    """
    try:
        hub: Any = importlib.import_module("huggingface_hub")
    except ImportError:
        raise types.UserError(
            f"{name} is no directory on this machine. A name of the Hugging Face hub needs the"
            ' package huggingface_hub, which is not installed: pip install "realm-tf[hub]".'
        ) from None
    try:
        path = _download(hub, name, revision)
    except Exception as error:  # the hub's own, the network's, those of a bad name
        reason = " ".join(str(error).split())[:300]
        raise types.UserError(
            f"{name}{f' (revision {revision})' if revision else ''} is no directory on this"
            " machine, and is not to be had from the cache of the Hugging Face hub or from the"
            f" network: {type(error).__name__}: {reason}"
        ) from error
    return Fetched(name, os.path.basename(os.path.normpath(path)), path)


def _download(hub: Any, name: str, revision: str | None) -> str:
    if revision is not None and _COMMIT.fullmatch(revision):
        try:
            path = hub.snapshot_download(
                name, revision=revision, allow_patterns=[*_FILES, _TORCH], local_files_only=True
            )
            if _has_weights(path):
                return path
        except FileNotFoundError:  # not in the cache
            pass
    path = hub.snapshot_download(name, revision=revision, allow_patterns=list(_FILES))
    if _has_weights(path):
        return path
    return hub.snapshot_download(name, revision=revision, allow_patterns=[*_FILES, _TORCH])


def _has_weights(path: str) -> bool:
    return any(file.endswith((".safetensors", ".bin")) for file in os.listdir(path))
