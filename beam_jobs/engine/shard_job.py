# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A job of one step that makes one segment: shard in, shard out.

Every item makes one shard of the segment from one shard of each input. So the rows of a shard stay
the rows of the same shard, a worker needs no memory but a shard's, the result does not depend on
the workers, and a job that was killed goes on with the shards that are missing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from beam_jobs.engine import job_folder, outputs, work_items
from realm_tf import artifacts

# Directory of the job and results of its items, to the counts of the segment. May refuse them.
Finish = Callable[[job_folder.Folder, list[dict[str, Any]]], Mapping[str, int]]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What decides the segment that a job over shards makes, before it is there.

    Attributes:
      root: Directory of segments.
      kind: Kind of the segment.
      settings: Settings that decide its contents.
      made_from: Fingerprint of every input, by its role.
    """

    root: str
    kind: str
    settings: Mapping[str, Any]
    made_from: Mapping[str, str]

    @property
    def path(self) -> str:
        """Directory of the segment."""
        return artifacts.recipe_path(
            self.root, self.kind, settings=self.settings, made_from=self.made_from
        )

    def writer(self, **known_later: str) -> artifacts.SegmentWriter:
        """What writes the segment; fingerprints of inputs may be added that decide nothing new."""
        return artifacts.SegmentWriter(
            self.path,
            kind=self.kind,
            settings=self.settings,
            made_from={**self.made_from, **known_later},
        )


def finished(recipe: Recipe, *steps: str) -> artifacts.Segment | None:
    """Opens the segment that a one-step job has made, if it has, and removes its leftovers."""
    if not artifacts.is_complete(recipe.path):
        return None
    job_folder.Folder(job_folder.path_of(recipe.path)).remove(*steps)
    return artifacts.open_segment(recipe.path, recipe.kind, verify=False)


def make(
    recipe: Recipe,
    items: Sequence[tuple[Any, ...]],
    make_fn: Callable[[job_folder.Folder, outputs.Output], work_items.ItemFn],
    finish: Finish,
    *,
    beam_args: Sequence[str],
    resume: bool,
    suffix: str = "arrow",
) -> artifacts.Segment:
    """Makes the segment, or what a killed job left of it.

    Args:
      recipe: What is made.
      items: The items, one a shard.
      make_fn: Makes the function that works on items. Their results tell `outputs.FILES`.
      finish: See `Finish`.
      beam_args: Pipeline options.
      resume: Whether to go on with what a killed job left, rather than to do everything again.
      suffix: What the names of shards end with.
    """
    output = outputs.Output(recipe.path, recipe.kind, len(items), suffix)
    with artifacts.storage_errors():
        writer = recipe.writer()
        path = job_folder.path_of(recipe.path)
        folder = job_folder.open_folder(path, {"items": items}, resume=resume)
        fn = make_fn(folder, output)
        outputs.forget_broken(folder, fn.step, **{recipe.kind: recipe.path})
        work_items.run(fn, items, beam_args=beam_args)
        results = list(folder.results(fn.step, len(items)))
        counts = finish(folder, results)
        files = [file for result in results for file in result[outputs.FILES][recipe.kind]]
        segment = outputs.commit(writer, files, counts)
        folder.remove(fn.step)
    return segment
