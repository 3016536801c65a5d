# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How joint training gets fresh snapshots: the part that every mode has.

By itself this is the mode "off": the first snapshot is used to the end. `sync_refreshing` and
`async_refreshing` have the others.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import time
from collections.abc import Iterator
from typing import Any

from realm_tf import artifacts, types
from realm_tf.models import embedder as embedder_lib
from realm_tf.models.inference import embedder_export
from realm_tf.retrieval import reading, snapshots
from realm_tf.retrieval import retriever as retriever_lib
from realm_tf.training.engine import strategies
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import refresh as refresh_lib
from realm_tf.training.run import refresh_files, retrievers, snapshot_recall, swap_log
from realm_tf.training.run import staleness as staleness_lib

_MOST_REVISIONS = 1 << 20  # a float64 holds such a revision and 2**33 steps
_LOGGER = logging.getLogger(__name__)


class Refreshing:
    """Which snapshot the batches of joint training are made from, and how fresh it is.

    Args:
      context: Configuration and data of the run.
      directory: Directory of the training.
      refresher: Makes its snapshots; that of step 0 is there.
      embedder: The embedder that is being trained.
    """

    def __init__(
        self,
        context: context_lib.Context,
        directory: str,
        refresher: refresh_lib.Refresher,
        embedder: embedder_lib.Embedder,
    ):
        self._context = context
        self._config = context.config.pretrain.refresh
        self._steps = context.config.pretrain.steps
        self._depth = context.config.runtime.prefetch_batches
        self._refresher = refresher
        self._embedder = embedder
        self._files = refresh_files.RefreshFiles(directory)
        self._swaps = swap_log.SwapLog(self._files.swaps, is_kept=context.worker.is_chief)
        self._retrievers = retrievers.Retrievers(self._open)
        self._staleness = staleness_lib.Staleness(directory, self._steps, self._exported)
        measure = snapshot_recall.measuring(context)
        self._recall = snapshot_recall.SnapshotRecall(directory, measure)
        self._warned: int | None = None  # the snapshot that was said to be too old
        self._last_failure = ""

    @contextlib.contextmanager
    def _open(self, version: snapshots.Version) -> Iterator[retriever_lib.Retriever]:
        snapshot = self._refresher.load(*version)
        with reading.hold(snapshot):
            yield strategies.outside(functools.partial(self._open_and_measure, snapshot))

    def _open_and_measure(self, snapshot: snapshots.Snapshot) -> retriever_lib.Retriever:
        opened = retriever_lib.Retriever.open(snapshot)
        self._measure(snapshot.step, opened)
        return opened

    def _measure(self, step: int, opened: retriever_lib.Retriever) -> None:
        self._recall.note(step, opened)  # of the first revision that is opened

    def _exported(self, step: int) -> float:
        return float(self._refresher.load(step).settings["exported"])

    def start(self, step: int) -> None:
        """Called with the step that training starts or resumes at, before the first batch."""
        self._swaps.rewind(step)
        self._forget_later(step)
        for used in self._swaps.in_use(step):
            strategies.outside(functools.partial(self._refresher.restore, *used))

    def retriever(self, index: int) -> tuple[int, retriever_lib.Retriever]:
        """The snapshot's step, and the retriever, that a batch is made from."""
        version = self._swaps.snapshot_at(index)
        return version.step, self._retrievers.get(version)

    def before_batch(self, index: int, count: int = 1) -> None:
        """Called before the trainer takes batches, and before batch `index` + depth is begun.

        Args:
          index: The first of them; as many steps are done.
          count: How many it takes before this is called again.

        Raises:
          UserError: If the budget of staleness is used up, and is to stop the run.
        """
        self._keep_within_budget(index, count)
        self._follow_chief(index)
        for taken in range(index, index + count):
            self._staleness.note(taken, self._swaps.snapshot_at(taken).step)
        self._retrievers.keep({*self._swaps.in_use(index), *self._coming()})

    def refresh(self, step: int) -> None:
        """Called every so many steps: begins a refresh."""

    def after_loop(self, step: int) -> dict[str, float]:
        """Called when the trainer returns to the host; returns figures for the summaries."""
        self._staleness.save()
        used = self._swaps.snapshot_at(max(step - 1, 0)).step
        return {**self._staleness.latest(step), **self._recall.of(used)}

    def close(self) -> None:
        """Called when training stops, in whatever way."""
        self._retrievers.close()

    def finish(self) -> None:
        """Called when training has ended and its weights are written: deletes what is left over."""
        with self._surviving("deleting old snapshots", self._steps):
            self._files.collect(self._config, has_ended=True)

    def _forget_later(self, step: int) -> None:
        """Forgets what was exported, published and measured after `step`."""
        self._files.rewind(step)
        self._recall.rewind(step)

    def _coming(self) -> set[snapshots.Version]:
        """Snapshots that are open and not yet taken up."""
        return set()

    def _hasten(self, index: int) -> None:
        """Does what leads to a fresh snapshot, while the trainer waits for one."""

    def _keep_within_budget(self, index: int, count: int) -> None:
        """Looks at the batches that are begun next; no batch is taken that is over the budget."""
        while over := self._over_budget(index + count - 1):
            message = f"the index is {over}{self._last_failure}"
            if self._config.on_stale == "stop":
                raise types.UserError(
                    f"At step {index} {message}. Raise pretrain.refresh.max_staleness_steps or"
                    " max_staleness_minutes, or refresh faster: see docs/training.md."
                )
            newest = self._swaps.newest.step
            if self._warned != newest:
                consequence = "waits" if self._config.on_stale == "wait" else "goes on"
                _LOGGER.warning("at step %d %s; training %s", index, message, consequence)
                self._warned = newest
            if self._config.on_stale == "warn":
                return
            self._hasten(index)

    def _follow_chief(self, index: int) -> None:
        """Tells the other workers what the chief has taken up; each calls this at every batch."""
        if self._config.mode == "off":
            return
        step, revision = self._swaps.newest
        number = step * _MOST_REVISIONS + revision
        told = self._context.worker.chiefs(number, "the chief's next step")
        newest = snapshots.Version(*divmod(int(told), _MOST_REVISIONS))
        if newest != self._swaps.newest:  # in the other workers
            self._take_up(index, newest)

    def _over_budget(self, index: int) -> str | None:
        # The first batch that a swap decided now could change.
        coming = min(index + self._depth, self._steps - 1)
        return self._staleness.age(coming, self._swaps.newest.step).over(self._config)

    def _take_up(self, index: int, version: snapshots.Version) -> None:
        """Decides that batches are made from a snapshot, from the first that is not begun on."""
        first, (step, revision) = index + self._depth, version
        self._swaps.schedule(
            batch_index=first, snapshot_step=step, decided_at=index, revision=revision
        )
        documents = f", revision {revision}," if revision else ""
        _LOGGER.info(
            "step %d: the snapshot of step %d%s is used from batch %d on",
            index, step, documents, first,
        )  # fmt: skip

    def _recipe(self, step: int) -> dict[str, dict[str, Any]]:
        """What the embedder is exported as; an error, and no failed refresh, if it has diverged."""
        return refresh_lib.export_recipe(self._embedder, step, self._context)

    def _export(self, step: int, recipe: dict[str, dict[str, Any]]) -> refresh_files.Export:
        """Exports the embedder as it is now."""
        path = artifacts.recipe_path(self._files.root(step), "embedder", **recipe)
        export = refresh_files.Export(step, path, time.time())
        self._files.announce(export)
        strategies.outside(lambda: embedder_export.export_embedder(self._embedder, path, **recipe))
        return export

    @contextlib.contextmanager
    def _surviving(self, what: str, step: int) -> Iterator[None]:
        """Lets training go on with its snapshot when a refresh fails; our own errors pass."""
        try:
            with artifacts.storage_errors():
                yield
        except refresh_lib.MAY_FAIL as error:
            self._tell_failure(f"{what} at step {step} failed ({error})", step, error)

    def _tell_failure(self, message: str, step: int, error: BaseException | None = None) -> None:
        self._last_failure = f"; {message}"
        age = step - self._swaps.snapshot_at(step).step
        _LOGGER.warning(
            "%s; the index is %d steps old; training goes on with it",
            message,
            age,
            exc_info=error and refresh_lib.traceback_of(error),
        )
