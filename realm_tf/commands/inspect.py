# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`realm inspect`: tells what is at a path: a segment, a job, a snapshot, an export or a run."""

from __future__ import annotations

import dataclasses
import itertools
import os
from typing import Any

from realm_tf import artifacts, types
from realm_tf.artifacts import gfile
from realm_tf.commands import inspect_snapshot, paths, run_progress
from realm_tf.data.blocks import schema
from realm_tf.data.blocks import table as block_table
from realm_tf.retrieval import snapshots
from realm_tf.text import offsets
from serving import versions

_PREVIEW_ROWS = 3
_EXAMPLES = "examples"  # kind of the segments of `data.examples.example_records`
_JOBS = "jobs"  # directory of the jobs, among those of the segments
_JOB_REPORT = "report.txt"


def describe(path: str, *, row: int | None = None, verify: bool = True, quick: bool = False) -> str:
    """Describes what is at a path, for people.

    Args:
      path: Directory of a segment, a job, an export or a run, or file of a snapshot.
      row: Row of a segment of blocks, spans or examples that is shown alone.
      verify: Whether to compare checksums.
      quick: Of a run, whether only what its files tell at once is told: not its stages.

    Raises:
      UserError: If there is none of these, it is damaged, or it has no such row.
    """
    kind = _kind(path, row)
    if kind == "snapshot":
        return inspect_snapshot.describe(path, verify=verify)
    if kind == "job":
        return _job(path)
    if kind == "export":
        return _lines(f"export {path}", _export(path))
    if kind == "run":
        return _run_module(quick).describe(path)
    segment = artifacts.open_segment(path, verify=verify)
    rows = _rows(segment, row)
    return "\n\n".join([_head(segment), *rows] if row is None else rows)


def facts(
    path: str, *, row: int | None = None, verify: bool = True, quick: bool = False
) -> dict[str, Any]:
    """What `describe` tells, as JSON values; a segment has the whole of its `segment.json`.

    Raises:
      UserError: As `describe`.
    """
    kind = _kind(path, row)
    if kind == "snapshot":
        found = inspect_snapshot.facts(path, verify=verify)
    elif kind == "job":
        found = {"report": _job(path)}
    elif kind == "export":
        found = _export(path)
    elif kind == "run":
        found = _run_module(quick).facts(path)
    else:
        segment = artifacts.open_segment(path, verify=verify)
        rows = {} if row is None else {"row": _row_facts(segment, row)}
        found = {**dataclasses.asdict(segment), **rows}
    return {"is": kind, "path": path, **found}


def _run_module(quick: bool) -> Any:
    if quick:
        return run_progress
    from realm_tf.commands import run_plan  # it needs all of the training

    return run_plan


def _kind(path: str, row: int | None) -> str:
    """What is at a path: "snapshot", "job", "run", "export" or "segment", which it is else."""
    if snapshots.version_of(os.path.basename(path)):
        kind = "snapshot"
    elif os.path.basename(os.path.dirname(path.rstrip("/"))) == _JOBS:
        kind = "job"
    elif artifacts.is_complete(path):
        kind = "segment"
    elif paths.is_run(path):
        kind = "run"
    elif not gfile.isdir(path):
        kind = "segment"
    elif _is_export(path):
        kind = "export"
    elif not gfile.listdir(path):
        raise types.UserError(f"{path} is empty.")
    else:
        kind = "segment"
    if row is not None and kind != "segment":
        raise types.UserError(f"{path} is of the kind {kind!r}, which has no rows to show.")
    return kind


def _is_export(path: str) -> bool:
    is_version = gfile.exists(os.path.join(path, versions.RECORD))
    return is_version or bool(versions.numbers(path))


def _export(path: str) -> dict[str, Any]:
    """What the newest version of an export, or the version itself, was made from."""
    numbers = versions.numbers(path)
    version = os.path.join(path, str(numbers[-1])) if numbers else path
    versions.require_whole(version)
    record = artifacts.read_json(os.path.join(version, versions.RECORD))
    return {"versions": numbers, "newest": version, **record}


def _lines(title: str, found: dict[str, Any]) -> str:
    lines = [f"  {name:<14} {artifacts.canonical_json(value)}" for name, value in found.items()]
    return "\n".join([title, *lines])


def _bracketed(passage: types.Passage) -> str:
    """The text of a passage with its spans in [[brackets]], to be printed."""
    places = [(span.byte_start, span.byte_limit) for span in passage.spans]
    return offsets.bracket(passage.block.text.encode("utf-8"), places)


def _job(path: str) -> str:
    report = os.path.join(path, _JOB_REPORT)
    if not gfile.exists(report):
        raise types.UserError(
            f"{path} has no {_JOB_REPORT} yet: the job has not ended. Give its command again; it"
            " goes on where it stopped."
        )
    with gfile.GFile(report, "r") as f:
        return f.read().rstrip()


def _head(segment: artifacts.Segment) -> str:
    lines = [
        f"{segment.kind} segment {segment.path}",
        f"  fingerprint  {segment.fingerprint}",
        f"  files        {len(segment.shards)}, {sum(s.num_bytes for s in segment.shards):,} bytes",
    ]
    lines += [f"  {name:<12} {value:,}" for name, value in segment.counts.items()]
    lines += [f"  made from    {role} {value[:12]}" for role, value in segment.made_from.items()]
    lines.append(f"  settings     {artifacts.canonical_json(segment.settings)}")
    return "\n".join(lines)


def _rows(segment: artifacts.Segment, row: int | None) -> list[str]:
    if segment.kind in (schema.BLOCKS, schema.SPANS):
        table = _table(segment)
        _check_row(row, len(table), segment.path)
        wanted = range(min(_PREVIEW_ROWS, len(table))) if row is None else [row]
        return [_row(number, table) for number in wanted]
    if segment.kind == _EXAMPLES:
        return _examples(segment, row)
    if row is not None:
        raise types.UserError(f"{segment.path} holds {segment.kind!r}, which has no rows to show.")
    return []


def _examples(segment: artifacts.Segment, row: int | None) -> list[str]:
    from realm_tf.data.examples import example_records  # Imports TensorFlow.
    from realm_tf.data.reference import tfrecords

    _check_row(row, int(segment.counts["examples"]), segment.path)
    last = _PREVIEW_ROWS - 1 if row is None else row
    records = itertools.chain.from_iterable(map(tfrecords.read, segment.files()))
    found = [
        f"example {number}  {example_records.describe(record)}"
        for number, record in enumerate(itertools.islice(records, last + 1))
    ]
    return found if row is None else found[-1:]


def _row_facts(segment: artifacts.Segment, row: int) -> dict[str, Any]:
    """A row as JSON values; one of examples as its description."""
    if segment.kind not in (schema.BLOCKS, schema.SPANS):
        return {"number": row, "text": _rows(segment, row)[0]}
    table = _table(segment)
    _check_row(row, len(table), segment.path)
    passage = table.passage(row)
    block = passage.block
    return {
        "number": row,
        "block_id": str(block.block_id),
        "duplicate_of": (first := table.duplicate_of(row)) and str(first),
        "doc_id": block.doc_id,
        "doc_byte_start": int(block.doc_byte_start),
        "title": block.title,
        "text": block.text,
        "spans": [dataclasses.asdict(span) for span in passage.spans],
    }


def _check_row(row: int | None, num_rows: int, path: str) -> None:
    if row is not None and not 0 <= row < num_rows:
        raise types.UserError(f"{path} has rows 0 to {num_rows - 1}. Received: --row {row}.")


def _table(segment: artifacts.Segment) -> block_table.BlockTable:
    """The rows of blocks, or of spans with the blocks that they mark, which are beside them."""
    if segment.kind == schema.BLOCKS:
        return block_table.BlockTable.open(segment)
    root = os.path.dirname(segment.path.rstrip("/"))
    for path in filter(artifacts.is_complete, artifacts.paths_in(root, prefix=f"{schema.BLOCKS}-")):
        blocks = artifacts.open_segment(path, verify=False)
        if blocks.fingerprint == segment.made_from["blocks"]:
            return block_table.BlockTable.open(blocks, segment)
    raise types.UserError(
        f"{segment.path} marks the blocks {segment.made_from['blocks'][:12]}, which are not beside"
        f" it in {root}: their text is needed to show the spans. Put the two segments together."
    )


def _row(number: int, table: block_table.BlockTable) -> str:
    passage = table.passage(number)
    block = passage.block
    head = (
        f"row {number}  block {block.block_id}  document {block.doc_id!r} at byte"
        f" {block.doc_byte_start}  {len(block.title_ids)} + {len(block.token_ids)} wordpieces,"
        f" {len(block.sentence_byte_start)} sentences, {len(passage.spans)} spans"
    )
    if (first := table.duplicate_of(number)) is not None:
        head += f"\n  the same text as block {first} of another document"
    return f"{head}\n  {block.title}\n  {_bracketed(passage)}"
