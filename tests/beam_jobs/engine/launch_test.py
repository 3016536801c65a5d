# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A job is launched alone from its paths, a configuration, and Beam's options."""

import dataclasses
import sys
import types as py_types

import pytest

from beam_jobs.engine import launch
from realm_tf import config as config_lib
from realm_tf import types


@dataclasses.dataclass(frozen=True)
class Params:
    """What is counted.

    Attributes:
      source: Path of
        something long.
      count: How many.
      extra: Path of a third thing.
      config: The settings.
    """

    source: str
    count: int = 3
    extra: str | None = None
    config: config_lib.Config = config_lib.Config()


def count_things(params, *, beam_args=(), resume=True):
    """Counts things.

    Nobody reads this.
    """
    return params, beam_args, resume


def count_at_once(params, *, beam_args=()):
    """Counts things at once."""
    return params, beam_args


def test_arguments_become_parameters(tmp_path):
    (tmp_path / "c.yaml").write_text("seed: 5\nblocks: {length: 64}\n")
    argv = ["--source", "a", "--count=4", "--config", str(tmp_path / "c.yaml")]
    argv += ["--set", "blocks.length=32", "--no-resume", "--", "--runner=X", "--", "--y"]
    params, beam_args, resume = launch.main(count_things, Params, argv)
    assert (params.source, params.count, params.extra) == ("a", 4, None)
    assert (params.config.seed, params.config.blocks.length) == (5, 32)
    assert beam_args == ["--runner=X", "--", "--y"]
    assert not resume


def test_a_job_that_cannot_go_on_has_no_resume():
    params, beam_args = launch.main(count_at_once, Params, ["--source=a"])
    assert params == Params("a")
    assert beam_args == []
    with pytest.raises(SystemExit):
        launch.main(count_at_once, Params, ["--source=a", "--no-resume"])


def test_help_says_what_the_docstring_says(capsys):
    with pytest.raises(SystemExit):
        launch.main(count_things, Params, ["--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert "Counts things." in told
    assert "--source SOURCE Path of something long." in told
    assert "Nobody reads this" not in told


def test_a_program_prints_paths_and_tells_mistakes_in_a_line(monkeypatch, capsys):
    def jobs(params, *, beam_args=()):
        if params.count == 13:
            raise types.UserError("Thirteen is too many.")
        return py_types.SimpleNamespace(path=params.source), None

    module = py_types.ModuleType("tests.jobs")
    module.jobs, module.Params = jobs, Params
    monkeypatch.setitem(sys.modules, "tests.jobs", module)
    monkeypatch.setattr(sys, "argv", ["jobs", "--source=/made"])
    launch.run("tests.jobs")
    assert capsys.readouterr().out == "/made\n"
    monkeypatch.setattr(sys, "argv", ["jobs", "--source=/made", "--count=13"])
    with pytest.raises(SystemExit) as ended:
        launch.run("tests.jobs")
    assert ended.value.code == 2
    assert capsys.readouterr().err == "jobs: Thirteen is too many.\n"
