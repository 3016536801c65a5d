# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The commands `realm documents ...`: the documents of a snapshot, and changes of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

from realm_tf.cli import options
from realm_tf.commands import paths

_TARGET = [
    click.option("--workdir", metavar="DIR", help="Directory of a finished run; or"),
    click.option("--snapshots", metavar="DIR", help="directory of snapshots."),
    options.SET,
]
_READING = [
    *_TARGET,
    click.option(
        "--config", "config_file", metavar="FILE", help="YAML file with the configuration."
    ),
    click.option(
        "--vocab",
        metavar="DIR",
        help='Segment "vocab", with --snapshots; by default it is looked for beside the blocks.',
    ),
]
_FILES = [
    click.argument("files", nargs=-1, required=True, metavar="FILES..."),
    options.CORPUS[1],
    *_READING,
]
_DRY_RUN = click.option(
    "--dry-run", is_flag=True, help="Say what would change; nothing is written."
)
_MISSING_OK = "--missing-ok"


@click.group()
def documents() -> None:
    """Add, update and delete documents without training, embedding or indexing the others again.

    Every change makes a new revision of the newest snapshot, which shares all files with the one
    before it. realm export takes the newest one.
    """


@documents.command()
@options.several(_FILES)
@_DRY_RUN
@options.JSON
def add(files: tuple[str, ...], dry_run: bool, **given: Any) -> None:
    """Add the documents of files; one with an id that is there is an error.

    Files are read and cut as by realm blocks.
    """
    _change("add", files, dry_run, **given)


@documents.command()
@options.several(_FILES)
@click.option(_MISSING_OK, is_flag=True, help="Add the documents that are not there.")
@_DRY_RUN
@options.JSON
def update(files: tuple[str, ...], dry_run: bool, **given: Any) -> None:
    """Replace documents by those with the same ids in files.

    A block whose text and title stay keeps its id and its vector.
    """
    _change("update", files, dry_run, **given)


@documents.command()
@click.argument("doc_ids", nargs=-1, required=True, metavar="IDS...")
@options.several(_TARGET)
@click.option(_MISSING_OK, is_flag=True, help="Pass over the ids that are not there.")
@_DRY_RUN
@options.JSON
def delete(doc_ids: tuple[str, ...], dry_run: bool, **given: Any) -> None:
    """Delete documents, by their ids."""
    _change("delete", (), dry_run, doc_ids=doc_ids, **given)


def _change(
    operation: str,
    files: Sequence[str],
    dry_run: bool,
    *,
    as_json: bool,
    fmt: str = "jsonl",
    missing_ok: bool = False,
    doc_ids: tuple[str, ...] = (),
    **target: Any,
) -> None:
    for pattern in files:
        paths.check_files(pattern)
    opened = _opened(**target)

    from realm_tf.commands.documents import change, cut

    request = change.Request(operation, cut.Files(tuple(files), fmt), doc_ids, missing_ok)
    if dry_run:
        facts = {"dry_run": True, **change.preview(opened, request).facts()}
    else:
        planned, snapshot = change.change(opened, request)
        facts = {**planned.facts(), "snapshot": snapshot.name}
    _print(facts, as_json)


@documents.command("list")
@options.several(_TARGET)
@options.JSON
def list_(as_json: bool, **target: Any) -> None:
    """List the documents: id, number of blocks and title; with --json a line for each."""
    opened = _opened(**target)

    from realm_tf.commands.documents import listing

    for found in listing.documents(opened):
        line = "{doc_id}\t{blocks}\t{title}".format(**found)
        click.echo(json.dumps(found, ensure_ascii=False) if as_json else line)


@documents.command()
@options.several(_TARGET)
@options.JSON
def history(as_json: bool, **target: Any) -> None:
    """List the revisions of the newest snapshot, oldest first."""
    opened = _opened(**target)

    from realm_tf.commands.documents import listing

    for found in listing.history(opened):
        if as_json:
            click.echo(json.dumps(found))
            continue
        head = "step {step} revision {revision}".format(**found)
        rest = {k: v for k, v in found.items() if k not in ("step", "revision") and v}
        click.echo("  ".join([head, *(f"{name} {value}" for name, value in rest.items())]))


@documents.command()
@options.several(_TARGET)
@click.option(
    "--purge",
    is_flag=True,
    help="Then remove the older snapshots, and the segments that the newest one does not need: of a"
    " run also the blocks that it was trained on, and the snapshots of its other systems.",
)
@options.JSON
def compact(purge: bool, as_json: bool, **target: Any) -> None:
    """Merge what was changed into one base, without the deleted documents."""
    opened = _opened(**target)

    from realm_tf.commands.documents import compaction, purging

    facts: dict[str, Any] = {"snapshot": compaction.compact(opened).name}
    if purge:
        facts["removed"] = purging.purge(opened)
    _print(facts, as_json)


@documents.command("verify-deleted")
@click.argument("doc_ids", nargs=-1, required=True, metavar="IDS...")
@options.several(_TARGET)
@click.option(
    "--below",
    multiple=True,
    metavar="PATH",
    help="File or directory to read besides, such as an export. May be given several times.",
)
@options.JSON
@click.pass_context
def verify_deleted(
    context: click.Context,
    /,
    doc_ids: tuple[str, ...],
    below: tuple[str, ...],
    as_json: bool,
    **target: Any,
) -> None:
    """Read every file, and name those that hold something of deleted documents.

    Exit code 1 if there is one. Read are all files below --workdir; or below --snapshots, and the
    segments that the snapshots name.
    """
    opened = _opened(**target)

    from realm_tf.commands.documents import verification

    report = verification.verify(opened, doc_ids, below)
    if as_json:
        click.echo(json.dumps(report.facts()))
    else:
        for path, kinds in report.found.items():
            held = ", ".join(f"{name} ({count})" for name, count in kinds.items())
            click.echo(f"{path}: {held}")
        verdict = f"{len(report.found)} hold something" if report.found else "nothing is left"
        click.echo(f"{report.files} files read, {report.traces} pieces looked for: {verdict}.")
    if report.found:
        context.exit(1)


def _opened(
    *,
    workdir: str | None,
    snapshots: str | None,
    overrides: tuple[str, ...],
    config_file: str | None = None,
    vocab: str | None = None,
) -> Any:
    if workdir is not None:
        paths.check_run(workdir)

    from realm_tf.commands.documents import target

    return target.opened(
        workdir, snapshots, vocab=vocab, config_file=config_file, overrides=overrides
    )


def _print(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(facts))
        return
    for name, value in facts.items():
        if isinstance(value, list):
            click.echo("\n".join([f"{name}:", *(f"  {item}" for item in value)]))
        else:
            click.echo(f"{name.replace('_', ' '):<20} {value}")
