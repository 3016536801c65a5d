# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a refresher must know of the joint training of a run: `refresh.json`.

The trainer writes it when it starts, and removes it when it needs no refresher. Paths are relative
to the run's directory of trainings, so that another machine may see the run in another place.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from typing import Any

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.artifacts import gfile
from realm_tf.retrieval import depths as depths_lib
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import recall_queries
from realm_tf.training.run import refresh as refresh_lib

_FILE = "refresh.json"


@dataclasses.dataclass(frozen=True)
class RefreshJob:
    """What is refreshed, and how.

    Attributes:
      directory: Directory of the training.
      blocks: Segment "blocks".
      vocab: Segment "vocab".
      queries: Segment "recall_queries"; None if the index needs none.
      results: Segments that are there when the training has ended.
      config: The run's configuration.
    """

    directory: str
    blocks: str
    vocab: str
    queries: str | None
    results: tuple[str, ...]
    config: config_lib.Config

    @classmethod
    def of(
        cls,
        context: context_lib.Context,
        directory: str,
        refresher: refresh_lib.Refresher,
        results: tuple[str, ...],
    ) -> RefreshJob:
        """The job of a training."""
        return cls(
            directory=directory,
            blocks=context.blocks.path,
            vocab=context.vocab.path,
            queries=None if refresher.queries is None else refresher.queries.path,
            results=results,
            config=context.config,
        )

    def has_ended(self) -> bool:
        """Whether the training has."""
        return all(artifacts.is_complete(path) for path in self.results)

    def refresher(self, make_vectors: refresh_lib.MakeVectors) -> refresh_lib.Refresher:
        """Opens what the job names.

        Raises:
          UserError: If a part is missing or damaged.
        """
        queries = None
        if self.queries is not None:
            queries = artifacts.open_segment(self.queries, recall_queries.KIND)
        return refresh_lib.Refresher(
            snapshot_dir=os.path.join(self.directory, "snapshots"),
            blocks=artifacts.open_segment(self.blocks, "blocks", verify=False),
            retrieval=self.config.retrieval,
            depths=depths_lib.depths(self.config),
            queries=queries,
            make_vectors=make_vectors,
        )


def write(training_dir: str, job: RefreshJob) -> None:
    """Writes what a refresher must know."""
    body: dict[str, Any] = {
        name: _map(value, lambda path: _relative(path, training_dir))
        for name, value in vars(job).items()
        if name != "config"
    }
    body["config"] = config_lib.to_dict(job.config)
    artifacts.write_text(os.path.join(training_dir, _FILE), json.dumps(body, indent=1) + "\n")


def read(training_dir: str) -> RefreshJob | None:
    """What a refresher has to do in a run; None if there is nothing.

    Raises:
      UserError: If the file is damaged.
    """
    path = os.path.join(training_dir, _FILE)
    if not gfile.exists(path):
        return None
    try:
        body = artifacts.read_json(path)
        config = config_lib.from_dict(config_lib.Config, body.pop("config"))
        paths = {n: _map(v, lambda p: _absolute(p, training_dir)) for n, v in body.items()}
        return RefreshJob(**paths, config=config)
    except (AttributeError, KeyError, TypeError) as error:
        raise types.UserError(
            f"{path} is damaged: {error}. Delete it and start the training again."
        ) from error


def remove(training_dir: str) -> None:
    """Tells refreshers that there is nothing for them to do."""
    with contextlib.suppress(FileNotFoundError):
        gfile.remove(os.path.join(training_dir, _FILE))


def _map(value: Any, function: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(map(function, value))
    return value if value is None else function(value)


def _relative(path: str, training_dir: str) -> str:
    return path if artifacts.is_remote(path) else os.path.relpath(path, training_dir)


def _absolute(path: str, training_dir: str) -> str:
    if artifacts.is_remote(path) or os.path.isabs(path):
        return path
    return os.path.normpath(os.path.join(training_dir, path))
