# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command `realm convert`. Nothing here imports TensorFlow until it is called."""

from __future__ import annotations

import json

import click

from realm_tf import types
from realm_tf.cli import options
from realm_tf.commands import paths

_RUN = "realm-run"
_KINDS = ("hf-bert", "hf-realm", "tf1-bert", "tf1-realm", "tf2-bert", _RUN)
_TARGETS = ("hf-realm",)


@click.command()
@click.option("--from", "kind", type=click.Choice(_KINDS), help="Import weights of this kind.")
@click.option("--to", "target", type=click.Choice(_TARGETS), help="Export weights as this kind.")
@click.option(
    "--blocks",
    metavar="DIR",
    help='Segment "blocks" to which the block vectors of the source belong.',
)
@click.option(
    "--layers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Keep only the first N layers (with --from hf-bert).",
)
@click.option(
    "--revision", metavar="REV", help="Branch, tag or commit of a model of the Hugging Face hub."
)
@options.JSON
@click.argument("source", metavar="SRC")
@click.argument("destination", metavar="DST")
def convert(
    kind: str | None,
    target: str | None,
    blocks: str | None,
    layers: int | None,
    revision: str | None,
    as_json: bool,
    source: str,
    destination: str,
) -> None:
    """Import weights of other implementations as segments, or export segments.

    SRC is the directory or checkpoint to read, DST the directory to write. DST must be new. With
    --from hf-bert and hf-realm, SRC may be the name of a model of the Hugging Face hub, which needs
    the package huggingface_hub.

    An import writes segments, report.txt (which says what became of every tensor) and model.yaml
    (which holds the settings of a run that starts from these weights).

    With --from realm-run, SRC is the work directory of a finished run. The weights that it answers
    with are copied, for runs on other texts to start from.
    """
    if (kind is None) == (target is None):
        raise types.UserError("realm convert needs either --from or --to.")
    if target is not None and blocks is not None:
        raise types.UserError("--blocks belongs to --from: an export has no block vectors.")
    if target is not None and (layers is not None or revision is not None):
        raise types.UserError("--layers and --revision belong to --from.")
    if kind == _RUN:
        if (blocks, layers, revision) != (None, None, None):
            raise types.UserError("--blocks, --layers and --revision do not belong to realm-run.")
        _take(source, destination, as_json)
        return

    if kind not in paths.HUB_KINDS or not paths.is_hub_name(source):
        paths.check_weights(source)
    if blocks is not None:
        paths.check_segment(blocks, "blocks")

    from realm_tf.commands import convert as convert_command

    if target is not None:
        notes = convert_command.export(target, source, destination)
        _print({"path": destination, "notes": list(notes)}, [destination, *notes], as_json)
    elif kind is not None:
        made = convert_command.convert(
            kind, source, destination, blocks=blocks, layers=layers, revision=revision
        )
        written = [segment.path for segment in made.segments]
        figures = {
            "segments": {segment.kind: segment.path for segment in made.segments},
            "mapped": len(made.report.mapped),
            "unused": len(made.report.unused),
            "notes": list(made.report.notes),
        }
        _print(figures, [*written, made.report.head()], as_json)


def _take(source: str, destination: str, as_json: bool) -> None:
    from realm_tf.commands import convert_run

    taken = {segment.kind: segment.path for segment in convert_run.take(source, destination)}
    model = f"{destination}/{paths.MODEL}"
    start = f"A run starts from these weights with realm run --config {model} ..."
    _print({"segments": taken, "model": model}, [*taken.values(), model, start], as_json)


def _print(figures: dict[str, object], lines: list[str], as_json: bool) -> None:
    click.echo(json.dumps(figures) if as_json else "\n".join(lines))
