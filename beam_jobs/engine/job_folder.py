# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The directory of a job: its plan, the results of its work items, and how far they are.

It lies beside the segment that the job makes. What was killed is taken up from it: an item that
has a result is done.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import tensorflow as tf

from beam_jobs.engine import progress
from realm_tf import artifacts

JOBS = "jobs"  # directory of the jobs, among those of the segments

_PLAN = "job.json"
_NOTE = ".part"


class Folder:
    """The directory where a job keeps the results of its work items; use `open_folder`.

    Attributes:
      path: Path of the directory, on any filesystem that tf.io.gfile knows.
    """

    def __init__(self, path: str):
        self.path = path

    def file(self, *names: str) -> str:
        """Path of a file in it."""
        return os.path.join(self.path, *names)

    def done(self, step: str) -> set[int]:
        """Numbers of the items of a step that have a result."""
        return self._numbers(step, ".json")

    def amount_done(self, step: str) -> float:
        """Number of the items of a step that are done, with the parts of those in work."""
        done = self.done(step)
        return len(done) + sum(self._part(step, n) for n in self._numbers(step, _NOTE) - done)

    def note(self, step: str, number: int) -> progress.ItemProgress:
        """What an item notes its own progress with, for `amount_done`."""
        path = self.file(step, f"{number:06d}{_NOTE}")
        return progress.ItemProgress(lambda part: artifacts.write_text(path, f"{part:.4f}"))

    def result(self, step: str, number: int) -> dict[str, Any]:
        """The result of one item."""
        return artifacts.read_json(self._result(step, number))

    def results(self, step: str, count: int) -> Iterator[dict[str, Any]]:
        """The results of all items of a step, in order."""
        return (self.result(step, number) for number in range(count))

    def write_result(self, step: str, number: int, result: Mapping[str, Any]) -> None:
        """Writes the result of an item, which is done by that."""
        text = json.dumps(result, ensure_ascii=False)
        artifacts.write_text(self._result(step, number), text)

    def forget(self, step: str, number: int) -> None:
        """Removes a result: the item is to be done again."""
        tf.io.gfile.remove(self._result(step, number))

    def remove(self, *steps: str) -> None:
        """Removes the plan, the directories or files of these names, and a directory left empty.

        Args:
          *steps: Names of steps, whose items are all done, or of files that they needed.
        """
        for name in (*steps, _PLAN):
            path = self.file(name)
            if tf.io.gfile.isdir(path):
                tf.io.gfile.rmtree(path)
            elif tf.io.gfile.exists(path):
                tf.io.gfile.remove(path)
        if tf.io.gfile.isdir(self.path) and not tf.io.gfile.listdir(self.path):
            tf.io.gfile.rmtree(self.path)

    def _numbers(self, step: str, suffix: str) -> set[int]:
        """Numbers of the items of a step that have a file with this suffix."""
        if not tf.io.gfile.isdir(self.file(step)):
            return set()
        names = tf.io.gfile.listdir(self.file(step))
        stems = [name.removesuffix(suffix) for name in names if name.endswith(suffix)]
        return {int(stem) for stem in stems if stem.isdecimal()}

    def _part(self, step: str, number: int) -> float:
        try:
            with tf.io.gfile.GFile(self.file(step, f"{number:06d}{_NOTE}"), "r") as f:
                return float(f.read())
        except (tf.errors.NotFoundError, ValueError):
            return 0.0  # a note is no record: it may just be written anew

    def _result(self, step: str, number: int) -> str:
        return self.file(step, f"{number:06d}.json")


def path_of(segment_path: str) -> str:
    """The directory of the job that makes a segment: jobs/<segment>, beside the segment."""
    root, name = os.path.split(segment_path.rstrip("/"))
    return os.path.join(root, JOBS, name)


def open_folder(path: str, plan: Any, *, resume: bool) -> Folder:
    """Makes the directory of a job, or takes up what a killed job left in it.

    Args:
      path: Path of the directory.
      plan: JSON value: what the items are. What another plan left is removed.
      resume: Whether to keep what is done; otherwise everything is done again.
    """
    folder = Folder(path)
    plan = json.loads(json.dumps(plan))
    if tf.io.gfile.exists(path):
        known = tf.io.gfile.exists(folder.file(_PLAN))
        if not (resume and known and artifacts.read_json(folder.file(_PLAN)) == plan):
            tf.io.gfile.rmtree(path)
    tf.io.gfile.makedirs(path)
    artifacts.write_text(folder.file(_PLAN), json.dumps(plan, ensure_ascii=False))
    return folder


def forget_broken(
    folder: Folder, step: str, outputs: Iterable[str], is_whole: Callable[[int], bool]
) -> None:
    """Removes what a killed job left half-done, and the results of items whose output is not whole.

    Args:
      folder: Directory of the job.
      step: Step whose items write the output.
      outputs: Directories of the output.
      is_whole: Whether the output of the item of this number is whole.
    """
    for directory in (folder.path, *outputs):
        artifacts.remove_asides(directory)
    for number in folder.done(step):
        if not is_whole(number):
            folder.forget(step, number)
