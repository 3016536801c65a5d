# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Launches one job alone, as `python -m beam_jobs.<job>`, from command-line arguments.

The arguments are the job's paths, `--config` and `--set` as for `realm`, and after `--` the options
of Beam, so that a job can be the entry point of a container or of a Dataflow template.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import inspect
import logging
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

from realm_tf import config as config_lib
from realm_tf import types

_ATTRIBUTE = re.compile(r"^  (\w+): (.*(?:\n    .*)*)", re.MULTILINE)


def main(job: Callable[..., Any], params: type, argv: Sequence[str] | None = None) -> Any:
    """Runs a job from its arguments.

    Args:
      job: Function that takes the parameters and `beam_args`, and `resume` if it can go on with
        what a killed job left.
      params: Frozen dataclass of the parameters; its attribute `config` is made of `--config` and
        `--set`, every other attribute is an argument of its own.
      argv: The arguments; None for those of this process.

    Returns:
      What the job returns.
    """
    own, beam_args = _split(sys.argv[1:] if argv is None else argv)
    given = vars(parser(job, params).parse_args(own))
    config = config_lib.load(given.pop("config"), given.pop("set"))
    resuming = {"resume": given.pop("resume")} if _can_resume(job) else {}
    return job(params(**given, config=config), beam_args=beam_args, **resuming)


def run(module: str) -> None:
    """Runs a job as a program: prints what it made, and tells the user's mistakes in a line.

    Args:
      module: Name of the module of the job, whose function has the name of the module. It is
        imported anew, because what is pickled for a worker must not belong to `__main__`.
    """
    imported = importlib.import_module(module)
    name = module.rpartition(".")[2]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        made = main(getattr(imported, name), imported.Params)
    except types.UserError as error:
        sys.stderr.write(f"{name}: {error}\n")
        sys.exit(2)
    for segment in made if isinstance(made, tuple) else (made,):
        if segment is not None:
            sys.stdout.write(f"{segment.path}\n")


def _split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Divides arguments at "--" into the job's own and Beam's."""
    argv = list(argv)
    border = argv.index("--") if "--" in argv else len(argv)
    return argv[:border], argv[border + 1 :]


def parser(job: Callable[..., Any], params: type) -> argparse.ArgumentParser:
    """The parser of the arguments of a job; see `main`."""
    made = argparse.ArgumentParser(
        prog=f"python -m {job.__module__}",
        description=(inspect.getdoc(job) or "").partition("\n")[0],
        epilog="Options of Apache Beam come after --.",
    )
    meanings = dict(_ATTRIBUTE.findall(inspect.getdoc(params) or ""))
    for field in dataclasses.fields(params):
        if field.name == "config":
            continue
        default = field.default
        needed = default is dataclasses.MISSING
        made.add_argument(
            f"--{field.name}",
            required=needed,
            default=None if needed else default,
            type=type(default) if isinstance(default, int) else str,
            help=" ".join(meanings.get(field.name, "").split()),
        )
    made.add_argument("--config", metavar="FILE", help="YAML file with the configuration.")
    made.add_argument(
        "--set", action="append", default=[], metavar="A.B=C", help="Value for one setting."
    )
    if _can_resume(job):
        made.add_argument(
            "--resume",
            action=argparse.BooleanOptionalAction,
            default=True,
            help="Continue the work that a killed job left behind, or start from the beginning.",
        )
    return made


def _can_resume(job: Callable[..., Any]) -> bool:
    return "resume" in inspect.signature(job).parameters
