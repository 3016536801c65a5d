# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Jobs as small atomic items of work: restartable, in bounded memory, the same on every runner.

A job has steps, a step has items. An item is a tuple of strings and numbers, which is all that
flows through Beam: the data goes from file to file. The last thing that work on an item writes is
its result, one small JSON file; an item with a result is done, and is not done again. So a job that
was killed goes on with what is left, and what it makes does not depend on workers.

    folder = job_folder.open_folder(job_folder.path_of(segment_path), plan, resume=True)
    work_items.run(SortFn(folder, "Sort"), items, beam_args=beam_args)
    for result in folder.results("Sort", len(items)): ...
    folder.remove("Sort")
"""

from __future__ import annotations

import abc
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import tensorflow as tf
from apache_beam.metrics import metric

from beam_jobs.engine import job_folder, progress, runner
from realm_tf import artifacts

_LOGGER = logging.getLogger(__name__)


class ItemFn(beam.DoFn, abc.ABC):
    """Works on items; subclasses define `work`, and maybe `setup`.

    Args:
      folder: Directory of the job.
      step: Its name: of the directory of results, of the step in Beam, and of its counters.
    """

    def __init__(self, folder: job_folder.Folder, step: str):
        super().__init__()
        self.folder = folder
        self.step = step

    @abc.abstractmethod
    def work(self, number: int, *item: Any) -> dict[str, Any]:
        """Does the work of one item, writing its files.

        Args:
          number: Number of the item in its step.
          *item: The item.

        Returns:
          The result, a JSON object. Its "counts" (name to number) become counters of Beam.
        """

    def process(self, element: tuple[int, tuple[Any, ...]]) -> Iterator[int]:
        """Works on one element, (number, item), and yields its number."""
        number, item = element
        with artifacts.storage_errors():
            result = self.work(number, *item)
            self.folder.write_result(self.step, number, result)
        for name, count in result.get("counts", {}).items():
            metric.Metrics.counter(self.step, name).inc(count)
        yield number


class Work(beam.PTransform):
    """(number, item) to the numbers of the items that were done.

    Args:
      fn: Does the work.
    """

    def __init__(self, fn: ItemFn):
        super().__init__()
        self._fn = fn

    def expand(self, elements: beam.PCollection[tuple]) -> beam.PCollection[int]:
        """Spreads the items over the workers, and works on them."""
        return elements | beam.Reshuffle() | self._fn.step >> beam.ParDo(self._fn)


def run(fn: ItemFn, items: Sequence[tuple[Any, ...]], *, beam_args: Sequence[str]) -> None:
    """Does the items of a step that are not done yet, as one pipeline, and shows how far it is.

    Args:
      fn: Does the work.
      items: All items of the step.
      beam_args: Pipeline options.
    """
    folder, step = fn.folder, fn.step
    done = folder.done(step)
    tf.io.gfile.makedirs(folder.file(step))
    pending = [(number, item) for number, item in enumerate(items) if number not in done]
    _LOGGER.info("%s: %d of %d items to do", step, len(pending), len(items))
    if pending:
        with (
            progress.shown(step, len(items), lambda: folder.amount_done(step)),
            runner.pipeline(beam_args) as pipeline,
        ):
            _ = pipeline | "Items" >> beam.Create(pending) | step >> Work(fn)
    if missing := set(range(len(items))) - folder.done(step):
        # An asynchronous runner returned before its end, or lost elements.
        raise RuntimeError(f"{step}: {len(missing)} of {len(items)} items were not done.")
