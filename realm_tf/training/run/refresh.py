# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Refresh: from the trainer's weights to a published snapshot.

export the embedder -> embed every block (Beam) -> build the index -> validate -> publish. Each step
is a segment, so a refresh that was killed continues where it stopped. A failed refresh leaves the
trainer on the snapshot that it has.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from collections.abc import Callable, Mapping

import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.artifacts import gfile
from realm_tf.models import embedder as embedder_lib
from realm_tf.models import weights
from realm_tf.models.inference import embedder_export
from realm_tf.retrieval import index as index_lib
from realm_tf.retrieval import snapshots
from realm_tf.training.engine import workers
from realm_tf.training.run import context as context_lib

_LOGGER = logging.getLogger(__name__)

# Embedder segment to vectors segment: the Beam job, given by whoever starts the training.
MakeVectors = Callable[[artifacts.Segment], artifacts.Segment]


class EmbeddingError(Exception):
    """The pipeline that embeds the blocks failed, by no fault of the user or of this code."""


# What a refresh may fail of, without being wrong: a mistake of the user, or a disk that is full; a
# pipeline; a filesystem that does not answer. Errors of this code are none of these.
MAY_FAIL = (
    types.UserError,
    EmbeddingError,
    OSError,
    tf.errors.AbortedError,
    tf.errors.DeadlineExceededError,
    tf.errors.UnavailableError,
)


@dataclasses.dataclass(frozen=True)
class Refresher:
    """Makes snapshots.

    Attributes:
      root: Where segments go.
      snapshot_dir: Where manifests go.
      blocks: The block segment.
      tokenizer: Fingerprint of the tokenizer.
      retrieval: Settings of the index, and the exported embedder's dtype.
      search_depth: The deepest search that will be made.
      make_vectors: See `MakeVectors`.
      worker: The chief of those that train together makes snapshots, the others wait for them.
    """

    root: str
    snapshot_dir: str
    blocks: artifacts.Segment
    tokenizer: str
    retrieval: config_lib.RetrievalConfig
    search_depth: int
    make_vectors: MakeVectors
    worker: workers.Worker = workers.ALONE

    @classmethod
    def of(
        cls, context: context_lib.Context, directory: str, make_vectors: MakeVectors
    ) -> Refresher:
        """The refresher of a run; its manifests go to `directory`/snapshots."""
        return cls(
            root=context.root,
            snapshot_dir=os.path.join(directory, "snapshots"),
            blocks=context.blocks,
            tokenizer=context.tokenizer.fingerprint,
            retrieval=context.config.retrieval,
            search_depth=max(
                context.config.open_qa.num_searched, *context.config.evaluation.recall_at
            ),
            make_vectors=make_vectors,
            worker=context.worker,
        )

    def refresh(
        self, embedder: embedder_lib.Embedder, *, step: int, trained_from: Mapping[str, str]
    ) -> snapshots.Snapshot:
        """Publishes the snapshot of `embedder` at `step`, or loads it if it is there.

        A snapshot with a part that was deleted is made again, from what there is of it.

        Args:
          embedder: Exported as it is now.
          step: Step of the trainer.
          trained_from: Role to fingerprint of what decides the weights; names the embedder.
        """
        if not self.worker.is_chief:
            self._wait(step)
        if step in snapshots.list_steps(self.snapshot_dir):
            if not self._missing(step):
                return snapshots.load(self.snapshot_dir, step)
            snapshots.delete(self.snapshot_dir, step)
        started = time.monotonic()
        exported = self._export(embedder, step=step, trained_from=trained_from)
        snapshot = self._publish(step, exported)
        _LOGGER.info("snapshot of step %d in %.1f s", step, time.monotonic() - started)
        return snapshot

    def refresh_weights(
        self,
        embedder_weights: artifacts.Segment,
        context: context_lib.Context,
        *,
        step: int,
        trained_from: Mapping[str, str],
    ) -> snapshots.Snapshot:
        """`refresh` with an embedder whose training has ended.

        Args:
          embedder_weights: Its weights.
          context: Configuration and data of the run.
          step: As for `refresh`.
          trained_from: As for `refresh`.
        """
        config = context.config.model.embedder
        model = embedder_lib.Embedder(config, context.tokenizer.vocab_size).build_weights()
        weights.restore(model, embedder_weights)
        return self.refresh(model, step=step, trained_from=trained_from)

    def restore(self, step: int) -> None:
        """Makes the vectors and the index of a published snapshot again if they were deleted.

        Raises:
          UserError: If its embedder was deleted: nothing else holds the weights of that step.
        """
        if not self.worker.is_chief:
            self._wait(step)
        missing = self._missing(step)
        if not missing:
            return
        embedder = snapshots.load(self.snapshot_dir, step, verify=False).embedder.path
        if "embedder" in missing:
            raise types.UserError(
                f"The snapshot of step {step}, which the next batches are made from, has lost its"
                f" embedder {embedder}. Delete {os.path.dirname(self.snapshot_dir)} and give the"
                " same command again: joint training is then done again, from its start."
            )
        snapshots.delete(self.snapshot_dir, step)
        self._publish(step, artifacts.open_segment(embedder, "embedder"))

    def _wait(self, step: int) -> None:
        path = snapshots.path_of(self.snapshot_dir, step)
        self.worker.wait(path, lambda: gfile.exists(path) and not self._missing(step))

    def _missing(self, step: int) -> list[str]:
        """The parts of a published snapshot that are not there."""
        known = snapshots.load(self.snapshot_dir, step, verify=False)
        return [r for r in snapshots.PARTS if not artifacts.is_complete(getattr(known, r).path)]

    def _publish(self, step: int, embedder: artifacts.Segment) -> snapshots.Snapshot:
        vectors = self.make_vectors(embedder)
        index = index_lib.build(self.root, vectors, self.retrieval, k=self.search_depth)
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
        )
        snapshots.publish(self.snapshot_dir, snapshot)
        return snapshot

    def _export(
        self, embedder: embedder_lib.Embedder, *, step: int, trained_from: Mapping[str, str]
    ) -> artifacts.Segment:
        settings = {"step": step, "dtype": self.retrieval.embed_dtype}
        made_from = {"tokenizer": self.tokenizer, **trained_from}
        path = artifacts.recipe_path(self.root, "embedder", settings=settings, made_from=made_from)
        return embedder_export.export_embedder(
            embedder, path, settings=settings, made_from=made_from
        )

    def collect_garbage(self, keep_steps: set[int], keep_last: int) -> None:
        """Deletes manifests, and then segments, of snapshots that nobody needs.

        Args:
          keep_steps: Snapshots that a run may still read.
          keep_last: How many of the newest stay besides.
        """
        steps = snapshots.list_steps(self.snapshot_dir)
        kept = set(steps[-keep_last:]) | keep_steps | set(steps[:1])
        for step in steps:
            if step in kept:
                continue
            old = snapshots.load(self.snapshot_dir, step, verify=False)
            snapshots.delete(self.snapshot_dir, step)
            for path in (old.index.path, old.vectors.path, old.embedder.path):
                if os.path.dirname(path) == self.root.rstrip("/") and tf.io.gfile.exists(path):
                    tf.io.gfile.rmtree(path)


def baseline_snapshot(
    context: context_lib.Context,
    embedder_weights: artifacts.Segment,
    *,
    make_vectors: MakeVectors,
) -> snapshots.Snapshot:
    """The snapshot of an embedder that is not being trained.

    Args:
      context: Configuration and data of the run.
      embedder_weights: Its weights.
      make_vectors: See `MakeVectors`.
    """
    refresher = Refresher.of(context, context.directory(embedder_weights.path), make_vectors)
    trained_from = {"embedder_weights": embedder_weights.fingerprint}
    return refresher.refresh_weights(embedder_weights, context, step=0, trained_from=trained_from)
