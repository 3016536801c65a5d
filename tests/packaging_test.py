# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""setup.py, the requirements and the lock say the same."""

import pathlib
import re

import pytest
import setuptools
from packaging import requirements, utils
from setuptools import dist
from setuptools.command import egg_info

from realm_tf import version
from tools import distributions, source_tree

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture(scope="module")
def setup_arguments() -> dict:
    """What setup.py passes to setuptools."""
    arguments = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setuptools, "setup", arguments.update)
        patch.chdir(ROOT)
        source = (ROOT / "setup.py").read_text(encoding="utf-8")
        exec(compile(source, "setup.py", "exec"), {"__file__": str(ROOT / "setup.py")})
    return arguments


def _locked() -> dict[str, str]:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==(\S+)", text, re.MULTILINE))


def _names(lines: list[str]) -> set[str]:
    return {utils.canonicalize_name(requirements.Requirement(line).name) for line in lines}


def test_version_is_that_of_the_package(setup_arguments):
    assert setup_arguments["version"] == version.__version__


def test_locked_versions_are_within_the_ranges(setup_arguments):
    locked = _locked()
    extras = setup_arguments["extras_require"].values()
    for line in [*setup_arguments["install_requires"], *(line for e in extras for line in e)]:
        wanted = requirements.Requirement(line)
        assert wanted.specifier.contains(locked[utils.canonicalize_name(wanted.name)]), line


def test_setup_and_requirements_name_the_same(setup_arguments):
    extras = setup_arguments["extras_require"]
    named = _names([*setup_arguments["install_requires"], *(n for e in extras.values() for n in e)])
    # backports-strenum is there for the lock's compiler alone.
    assert named == distributions.declared(ROOT) - {"backports-strenum"}


def test_lock_has_hashes_and_no_address():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.split(r"^(?=[\w.-]+(?:\[|==))", text, flags=re.MULTILINE)[1:]
    assert len(entries) == len(_locked()) > 100
    assert all("--hash=sha256:" in entry for entry in entries)
    assert not re.findall(r"^-.*|.*://.*|.* @ .*|.*file:.*", text, re.MULTILINE)


def test_all_data_is_packaged(setup_arguments, monkeypatch):
    monkeypatch.chdir(ROOT)
    command = dist.Distribution(setup_arguments).get_command_obj("build_py")
    command.ensure_finalized()
    packaged = {f"{folder}/{name}" for _, folder, _, names in command.data_files for name in names}
    there = {
        f"{folder}/{name}"
        for folder, names in source_tree.walk(ROOT)
        for name in names
        if folder.partition("/")[0] in source_tree.PACKAGES and not name.endswith(".py")
    }
    assert there == packaged
    assert {f"{package}/py.typed" for package in source_tree.PACKAGES} <= packaged


def test_no_tool_is_packaged(setup_arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    distribution = dist.Distribution({**setup_arguments, "script_name": "setup.py"})
    distribution.get_command_obj("egg_info").egg_base = str(tmp_path)
    command = distribution.get_command_obj("sdist")
    command.ensure_finalized()
    command.filelist = egg_info.FileList()
    command.add_defaults()
    packaged = {path.replace("\\", "/") for path in command.filelist.files}
    tops = {path.partition("/")[0] for path in packaged if "/" in path}
    assert "realm_tf/text/dates.py" in packaged
    assert tops == set(source_tree.PACKAGES)
    assert not [path for path in packaged if path.endswith("BUILD")]
