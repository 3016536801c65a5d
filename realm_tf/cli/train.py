# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command `realm train`. Nothing here imports TensorFlow until it is called."""

from __future__ import annotations

from collections.abc import Mapping

import click

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.cli import options
from realm_tf.commands import paths

SPAN_TAGGER = "realm/span_tagger"


@click.command()
@click.argument("experiment", metavar="EXPERIMENT")
@click.option("--workdir", metavar="DIR", help="Directory of the run. Not for realm/span_tagger.")
@options.several(options.CONFIG)
@click.option(
    "--train", "train_files", multiple=True, metavar="GLOB", help="CoNLL files to train on."
)
@click.option(
    "--dev",
    "dev_files",
    multiple=True,
    metavar="GLOB",
    help="CoNLL files that the best weights are chosen on.",
)
@click.option(
    "--test",
    "test_files",
    multiple=True,
    metavar="GLOB",
    help="CoNLL files that the best weights are measured on.",
)
@click.option(
    "--vocab",
    "vocab_path",
    metavar="DIR",
    help='Segment "vocab" with the vocabulary of the tagger.',
)
@click.option(
    "--output", metavar="DIR", help="Directory in which the segment of the tagger is written."
)
@options.NO_REFRESHER
@options.REPLAY_SWAPS
@click.option(
    "--profile",
    metavar="FIRST:LIMIT",
    help="Profile every training of this command from the one step on, up to the other.",
)
@options.JSON
def train(
    experiment: str,
    workdir: str | None,
    config_files: tuple[str, ...],
    overrides: tuple[str, ...],
    train_files: tuple[str, ...],
    dev_files: tuple[str, ...],
    test_files: tuple[str, ...],
    vocab_path: str | None,
    output: str | None,
    no_refresher: bool,
    replay_swaps: str | None,
    profile: str | None,
    as_json: bool,
) -> None:
    """Train one experiment.

    realm/ict, realm/pretrain, realm/dual_encoder and realm/open_qa belong to a run. They need only
    its --workdir. The earlier stages of the run are completed first.

    realm/span_tagger needs labelled sentences: --train and --dev (each may be given several
    times), --vocab and --output. Most users also give --config and --test.
    """
    of_tagger = {
        "--config": config_files,
        "--set": overrides,
        "--train": train_files,
        "--dev": dev_files,
        "--test": test_files,
        "--vocab": vocab_path,
        "--output": output,
    }
    if experiment != SPAN_TAGGER:
        _refuse(experiment, of_tagger)
        _require(experiment, {"--workdir": workdir})
        changes = _changes(replay_swaps, profile)
        _train_of_run(experiment, str(workdir), as_json, not no_refresher, changes)
        return
    of_run = {
        "--workdir": workdir,
        "--no-refresher": no_refresher,
        "--replay-swaps": replay_swaps,
        "--profile": profile,
    }
    _refuse(experiment, of_run)
    _require(experiment, {n: of_tagger[n] for n in ("--train", "--dev", "--vocab", "--output")})

    config = config_lib.load(config_files, overrides)
    for pattern in (*train_files, *dev_files, *test_files):
        paths.check_files(pattern)
    paths.check_segment(str(vocab_path), "vocab")

    from realm_tf.commands import train_tagger

    made = train_tagger.train_tagger(
        config,
        train=train_files,
        dev=dev_files,
        test=test_files,
        vocab=str(vocab_path),
        root=str(output),
    )
    options.print_segment(made, as_json)


def _train_of_run(
    experiment: str,
    workdir: str,
    as_json: bool,
    has_refresher: bool,
    changes: Mapping[str, object],
) -> None:
    paths.check_run(workdir)

    from realm_tf.commands import run_pipeline

    with run_pipeline.Pipeline.open(workdir, has_refresher=has_refresher, changes=changes) as run:
        for segment in run.training.experiment(experiment):
            options.print_segment(segment, as_json)


def _changes(replay_swaps: str | None, profile: str | None) -> dict[str, object]:
    """The settings that are others for this command alone."""
    changes: dict[str, object] = {}
    if replay_swaps is not None:
        paths.check_file(replay_swaps, "log of swaps")
        changes[options.REPLAYED] = replay_swaps
    if profile is not None:
        first, colon, limit = profile.partition(":")
        if not (colon and first.isdecimal() and limit.isdecimal() and int(first) < int(limit)):
            raise types.UserError(
                "--profile must be two numbers of steps, the smaller one first, such as 100:110."
                f" Received: {profile!r}."
            )
        changes["runtime.profile_steps"] = [int(first), int(limit)]
    return changes


def _require(experiment: str, given: Mapping[str, object]) -> None:
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise types.UserError(f"realm train {experiment} needs {' and '.join(missing)}.")


def _refuse(experiment: str, given: Mapping[str, object]) -> None:
    present = [name for name, value in given.items() if value]
    if present:
        raise types.UserError(f"realm train {experiment} takes no {' and no '.join(present)}.")
