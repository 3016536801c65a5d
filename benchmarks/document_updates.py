# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Adding a share of the documents to a snapshot, against a snapshot that was built with them all.

    python -m benchmarks.document_updates SNAPSHOTS CORPUS QUESTIONS WORK_DIR [--share 100]

SNAPSHOTS is a directory of snapshots of all documents of CORPUS (a JSONL file), and is changed:
give a copy. Every hundredth document is deleted, which is not measured, and added again, which is:
its seconds, and the bytes that it writes. The questions are then searched for in the newest
revision, and were in the snapshot as it was: whether both find the same blocks with the same
scores. How long the snapshot took to build is in the log of the run that built it.
"""

from __future__ import annotations

import realm_tf  # noqa: F401  # isort: skip - chooses Keras 2, so it comes before TensorFlow

import argparse
import json
import pathlib
import time
from typing import Any

import numpy as np

from realm_tf.commands import search
from realm_tf.commands.documents import change, cut, target
from realm_tf.data import sampling
from realm_tf.data.questions import questions as questions_lib
from realm_tf.text.inputs import lines


def _num_bytes(root: pathlib.Path) -> int:
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


def _add_again(opened: target.Target, added: pathlib.Path) -> dict[str, Any]:
    """Deletes the documents of a file and adds them again; what the second took."""
    ids = [json.loads(line)["id"] for line in added.read_text("utf-8").splitlines()]
    change.change(opened, change.Request(change.DELETE, doc_ids=tuple(ids)))
    root = pathlib.Path(opened.directory)
    before, seconds, cpu = _num_bytes(root), time.monotonic(), time.process_time()
    request = change.Request(change.ADD, cut.Files((str(added),), "jsonl"))
    plan, _ = change.change(opened, request)
    return {
        **plan.facts(),
        "seconds": time.monotonic() - seconds,
        "cpu_seconds": time.process_time() - cpu,
        "bytes_written": _num_bytes(root) - before,
    }


def _found(directory: str, request: search.Request) -> list[tuple[list[str], np.ndarray]]:
    """For every question the ids of the blocks that are found, and their scores."""
    return [
        (
            [block["block_id"] for block in found["blocks"]],
            np.array([block["retrieval_score"] for block in found["blocks"]]),
        )
        for found in search.search(directory, request)
    ]


def measure(
    directory: str, corpus: str, questions: str, work_dir: str, share: int, most: int
) -> dict[str, Any]:
    """What adding every `share`-th document costs, and whether searches find the same."""
    opened = target.opened(None, directory)
    added = pathlib.Path(work_dir) / "added.jsonl"
    added.parent.mkdir(parents=True, exist_ok=True)
    records = [line for _, line in lines.read_lines(corpus)]
    added.write_text("".join(f"{line}\n" for line in records[::share]), "utf-8")
    asked = sampling.evenly(questions_lib.read(questions), most)
    request = search.Request(tuple(question.question for question in asked), k=100)
    before = _found(directory, request)
    figures = _add_again(opened, added)
    pairs = list(zip(before, _found(directory, request), strict=True))
    return {
        "documents": len(records),
        **figures,
        "bytes_of_snapshot": _num_bytes(pathlib.Path(directory)),
        "questions": len(pairs),
        "same_blocks": sum(ours[0] == theirs[0] for ours, theirs in pairs),
        "score_difference": max(float(np.abs(a[1] - b[1]).max()) for a, b in pairs),
    }


def main() -> None:
    """Prints the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("snapshots")
    parser.add_argument("corpus")
    parser.add_argument("questions")
    parser.add_argument("work_dir")
    parser.add_argument("--share", type=int, default=100, help="every n-th document is added")
    parser.add_argument("--most", type=int, default=1000, help="questions that are searched for")
    args = parser.parse_args()
    found = measure(
        args.snapshots, args.corpus, args.questions, args.work_dir, args.share, args.most
    )
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
