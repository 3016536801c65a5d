# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Refresh: from an exported embedder to a published snapshot.

embed every block (Beam) -> build the index -> validate -> publish. Each step is a segment, so a
refresh that was killed continues where it stopped. The same for an embedder that is not trained.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.models import embedder as embedder_lib
from realm_tf.models import weights
from realm_tf.models.inference import embedder_export
from realm_tf.retrieval import depths as depths_lib
from realm_tf.retrieval import index as index_lib
from realm_tf.retrieval import snapshots
from realm_tf.training.engine import workers
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import recall_queries

_LOGGER = logging.getLogger(__name__)


class MakeVectors(Protocol):
    """The Beam job that embeds blocks, given by whoever starts the training."""

    def __call__(
        self,
        embedder: artifacts.Segment,
        root: str,
        blocks: artifacts.Segment | None = None,
        reuse: Sequence[str] = (),
        /,
    ) -> artifacts.Segment:
        """Makes a segment "vectors".

        Args:
          embedder: Segment "embedder".
          root: Directory for what is made.
          blocks: Segment "blocks"; None: that of the run.
          reuse: Paths of "vectors" of this embedder, whose blocks are not embedded again.
        """


class EmbeddingError(Exception):
    """A refresh failed in the pipeline that embeds the blocks, by no fault of user or code."""


# What a refresh may fail of, without being wrong: a mistake of the user, or a disk that is full; a
# pipeline; a filesystem that does not answer. Errors of this code are none of these.
MAY_FAIL = (
    types.UserError,
    EmbeddingError,
    OSError,
    tf.errors.AbortedError,
    tf.errors.DataLossError,
    tf.errors.DeadlineExceededError,
    tf.errors.NotFoundError,
    tf.errors.ResourceExhaustedError,
    tf.errors.UnavailableError,
)


def traceback_of(error: BaseException) -> BaseException | None:
    """Whose traceback a failed refresh logs: the line of a user's mistake says all by itself."""
    found = error.__cause__ if isinstance(error, types.UserError) else error
    return None if isinstance(found, types.UserError) else found


@dataclasses.dataclass(frozen=True)
class Refresher:
    """Makes snapshots.

    Attributes:
      snapshot_dir: Directory that snapshots are published in.
      blocks: The block segment.
      retrieval: Settings of the index, and the exported embedder's dtype.
      depths: The depths that the index will be searched to, ascending.
      queries: Segment "recall_queries" that an approximate index is measured with; None: a sample
        of the blocks' own vectors.
      make_vectors: See `MakeVectors`.
      worker: The chief of those that train together makes snapshots, the others wait for them.
    """

    snapshot_dir: str
    blocks: artifacts.Segment
    retrieval: config_lib.RetrievalConfig
    depths: tuple[int, ...]
    queries: artifacts.Segment | None
    make_vectors: MakeVectors
    worker: workers.Worker = workers.ALONE

    @classmethod
    def of(
        cls, context: context_lib.Context, directory: str, make_vectors: MakeVectors
    ) -> Refresher:
        """The refresher of a run; its manifests go to `directory`/snapshots."""
        return cls(
            snapshot_dir=os.path.join(directory, "snapshots"),
            blocks=context.blocks,
            retrieval=context.config.retrieval,
            depths=depths_lib.depths(context.config),
            queries=_queries(context),
            make_vectors=make_vectors,
            worker=context.worker,
        )

    def publish(
        self, step: int, embedder: artifacts.Segment, root: str, settings: Mapping[str, Any]
    ) -> snapshots.Snapshot:
        """Embeds, builds the index and publishes.

        Args:
          step: Step of the trainer.
          embedder: Segment "embedder".
          root: Directory for the segments that are made.
          settings: Settings that are written into the snapshot.
        """
        started = time.monotonic()
        vectors = self.make_vectors(embedder, root)
        index = self.build_index(embedder, vectors, root)
        for made in (vectors, index):  # they may be older than this call
            artifacts.open_segment(made.path)
        earlier = [s for s in snapshots.list_steps(self.snapshot_dir) if s < step]
        snapshot = snapshots.Snapshot.of(
            step=step,
            embedder=embedder,
            vectors=vectors,
            index=index,
            blocks=self.blocks,
            parent=max(earlier, default=None),
            settings=settings,
        )
        snapshot = snapshots.publish(self.snapshot_dir, snapshot)
        _LOGGER.info("snapshot of step %d in %.1f s", step, time.monotonic() - started)
        return snapshot

    def build_index(
        self, embedder: artifacts.Segment, vectors: artifacts.Segment, root: str
    ) -> artifacts.Segment:
        """Builds the index over vectors of an embedder."""
        queries = None if self.queries is None else recall_queries.embed(self.queries, embedder)
        return index_lib.build(
            root, vectors, self.retrieval, k=self.depths[-1], gates=self.depths, queries=queries
        )

    def load(self, step: int, revision: int = 0) -> snapshots.Snapshot:
        """Loads a snapshot of this run's own blocks, or a revision of one.

        Raises:
          UserError: If it is missing, damaged, or of other blocks.
        """
        snapshot = snapshots.load(self.snapshot_dir, step, revision)
        if revision:  # its documents were merged, perhaps
            return snapshot
        artifacts.require_same(
            "blocks",
            (snapshots.path_of(self.snapshot_dir, step), snapshot.blocks.fingerprint),
            (self.blocks.path, self.blocks.fingerprint),
        )
        return snapshot

    def of_weights(
        self, embedder_weights: artifacts.Segment, context: context_lib.Context, *, step: int
    ) -> snapshots.Snapshot:
        """The snapshot of weights that are not being trained; at once if it is there already.

        One of other weights or blocks, or with a part that was deleted, is made again, from what
        there is of it.

        Args:
          embedder_weights: Segment "embedder_weights".
          context: Configuration and data of the run.
          step: Step of the trainer.
        """
        about = {"embedder_weights": embedder_weights.fingerprint}
        if not self.worker.is_chief:
            self._wait(step, about)
        if self._is_there(step, about):
            return self.load(step)
        snapshots.delete(self.snapshot_dir, step)
        config = context.config.model.embedder
        model = embedder_lib.Embedder(config, context.tokenizer.vocab_size).build_weights()
        weights.restore(model, embedder_weights)
        recipe = export_recipe(model, step, context)
        exported = embedder_export.export_embedder(
            model, artifacts.recipe_path(context.root, "embedder", **recipe), **recipe
        )
        return self.publish(step, exported, context.root, {**about, "exported": time.time()})

    def _is_there(self, step: int, about: Mapping[str, str], revision: int = 0) -> bool:
        """Whether a snapshot is published, whole, and of the run's blocks and of these weights."""
        if (step, revision) not in snapshots.list_versions(self.snapshot_dir):
            return False
        known = snapshots.load(self.snapshot_dir, step, revision, verify=False)
        is_ours = revision > 0 or known.blocks.fingerprint == self.blocks.fingerprint
        return is_ours and about.items() <= known.settings.items() and not _missing(known)

    def _wait(self, step: int, about: Mapping[str, str], revision: int = 0) -> None:
        """Waits until the chief has made a snapshot."""

        def is_there() -> bool:
            with contextlib.suppress(types.UserError):  # the chief deletes it, to make it again
                return self._is_there(step, about, revision)
            return False

        self.worker.wait(snapshots.path_of(self.snapshot_dir, step, revision), is_there)

    def restore(self, step: int, revision: int = 0) -> None:
        """Makes the vectors and the index of a published snapshot again if they were deleted.

        Raises:
          UserError: If its embedder was deleted: nothing else holds the weights of that step. Or if
            a part of a revision was.
        """
        if not self.worker.is_chief:
            self._wait(step, {}, revision)
            return
        known = snapshots.load(self.snapshot_dir, step, revision, verify=False)
        missing = _missing(known)
        if not missing:
            return
        path = known.embedder.path
        if revision or "embedder" in missing:
            kind, lost = (
                ("embedder", path) if "embedder" in missing else next(iter(missing.items()))
            )
            raise types.UserError(
                f"The snapshot of {known.name}, which the next batches are made from, has lost its"
                f" {kind} {lost}. Delete {os.path.dirname(self.snapshot_dir)} and give the"
                " same command again: joint training is then done again, from its start."
            )
        snapshots.delete(self.snapshot_dir, step)
        embedder = artifacts.open_segment(path, "embedder")
        self.publish(step, embedder, os.path.dirname(path), known.settings)


def export_recipe(
    embedder: embedder_lib.Embedder, step: int, context: context_lib.Context
) -> dict[str, dict[str, Any]]:
    """`settings` and `made_from` of the embedder that a refresh exports, as its weights are now.

    Raises:
      UserError: If a weight is infinite or undefined.
    """
    return {
        "settings": {"step": step, "dtype": context.config.retrieval.embed_dtype},
        "made_from": {
            "tokenizer": context.tokenizer.fingerprint,
            "weights": embedder_export.weights_digest(embedder),
        },
    }


def _missing(snapshot: snapshots.Snapshot) -> dict[str, str]:
    """Kind and path of the parts of a published snapshot that are not there."""
    parts = ((kind, part.path) for kind, part in snapshot.parts())
    return {kind: path for kind, path in parts if not artifacts.is_complete(path)}


def _queries(context: context_lib.Context) -> artifacts.Segment | None:
    """What an approximate index is measured with; an exact one needs nothing."""
    return None if context.config.retrieval.index == "exact" else recall_queries.write(context)


def decisive(context: context_lib.Context) -> dict[str, Any]:
    """What decides the snapshots that a refresh makes, besides their weights and blocks."""
    queries = _queries(context)
    return {
        "retrieval": config_lib.decisive(context.config.retrieval),
        "block_length": context.config.blocks.length,
        **({} if queries is None else {"queries": queries.fingerprint}),
        **({} if queries is None else {"depths": list(depths_lib.depths(context.config))}),
    }


def baseline_snapshot(
    context: context_lib.Context,
    embedder_weights: artifacts.Segment,
    *,
    make_vectors: MakeVectors,
) -> snapshots.Snapshot:
    """The snapshot of an embedder that is not being trained: it is made once, and never refreshed.

    Args:
      context: Configuration and data of the run.
      embedder_weights: Weights of the embedder.
      make_vectors: See `MakeVectors`.
    """
    made_from = {
        "embedder_weights": embedder_weights.fingerprint,
        "blocks": context.blocks.fingerprint,
    }
    recipe = context.recipe("snapshot", settings=decisive(context), made_from=made_from)
    refresher = Refresher.of(context, context.directory(recipe), make_vectors)
    return refresher.of_weights(embedder_weights, context, step=0)
