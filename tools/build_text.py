# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The text of BUILD files, laid out as buildifier does, and the labels in them."""

from collections.abc import Iterable, Sequence

from tools import rooms

LICENSE = "# Copyright 2026 The realm-tf Authors.\n# SPDX-License-Identifier: Apache-2.0\n"
HEADER = LICENSE + '"""One target a file. Written by `make build-files`: do not edit."""\n'
ROOT_HEADER = (
    LICENSE
    + '''"""The command, the library, and the rooms. Written by `make build-files`: do not edit.

Every folder of code has a BUILD file with one target a file and exact dependencies. A target is
visible to the rooms that may import it, so that Bazel refuses an import that tools/rooms.py
forbids. The rooms are the package groups below. Two things lie open to other workspaces:
`//:realm`, the command, and `//:library`, the packages without the command line.

The workspace that holds this package provides rules_python, and a pip hub named `pypi` made from
requirements.lock. With Bazel modules, its MODULE.bazel says:

    bazel_dep(name = "rules_python", version = "1.5.0")
    pip = use_extension("@rules_python//python/extensions:pip.bzl", "pip")
    pip.parse(
        hub_name = "pypi",
        python_version = "3.11",
        requirements_lock = "//:requirements.lock",
    )
    use_repo(pip, "pypi")
"""
'''
)
_PIP = 'load("@pypi//:requirements.bzl", "requirement")'
_PYTHON = "@rules_python//python:defs.bzl"
PUBLIC = "//visibility:public"
PRIVATE = "//visibility:private"
ROOT = "//:__pkg__"
# Rooms that other workspaces do not get with `//:library`.
NOT_IN_LIBRARY = ("realm_tf.cli", "realm_tf.__main__", "tools", "tests")


def label(folder: str, name: str, package: str) -> str:
    """Returns the label of a target, as it is written in the BUILD file of `package`.

    Args:
        folder: Folder that holds the target.
        name: Name of the target in it.
        package: Folder of the BUILD file that needs the target.
    """
    return f":{name}" if folder == package else f"//{folder}:{name}"


def quoted(values: Iterable[str]) -> list[str]:
    """Returns strings as a BUILD file writes them."""
    return [f'"{value}"' for value in values]


def requirements(names: Iterable[str]) -> list[str]:
    """Returns distributions as a BUILD file writes them."""
    return [f'requirement("{name}")' for name in names]


def items(values: Sequence[str], indent: str) -> str:
    """Returns a list's text, of one line if it has one item.

    Args:
        values: What the list holds, as a BUILD file writes it.
        indent: White space before the line that the list begins in.
    """
    if len(values) == 1:
        return f"[{values[0]}]"
    return "\n".join(["[", *(f"{indent}    {value}," for value in values), f"{indent}]"])


def rule(kind: str, name: str, **attributes: str | Sequence[str]) -> str:
    """Returns a target's text; an empty list is left out."""
    lines = [f"{kind}(", f'    name = "{name}",']
    for key, value in attributes.items():
        if isinstance(value, str):
            lines.append(f"    {key} = {value},")
        elif value:
            lines.append(f"    {key} = {items(value, '    ')},")
    return "\n".join([*lines, ")"])


def package(visibility: Sequence[str]) -> str:
    """Returns the statement that gives a BUILD file's targets their visibility."""
    return f"package(default_visibility = {items(quoted(visibility), '')})"


def exports(names: Sequence[str], visibility: Sequence[str] = ()) -> str:
    """Returns the statement that lets other packages use files of this one."""
    if not visibility:
        return f"exports_files({items(quoted(names), '')})"
    lists = f"    {items(quoted(names), '    ')},\n    visibility = "
    return f"exports_files(\n{lists}{items(quoted(visibility), '    ')},\n)"


def loads(targets: Iterable[str]) -> list[str]:
    """Returns the load statements that targets need."""
    targets = list(targets)
    needed = {target.partition("(")[0] for target in targets}
    kinds = quoted(sorted(kind for kind in needed if kind.startswith("py_")))
    pip = [_PIP] if any("requirement(" in target for target in targets) else []
    python = [f'load("{_PYTHON}", {", ".join(kinds)})'] if kinds else []
    return ["\n".join(pip + python)] if pip or python else []


def folder_of(room: str) -> str:
    """Returns the folder that holds a room."""
    return "realm_tf" if room in rooms.MODULES else room.replace(".", "/")


def groups() -> list[str]:
    """Returns the package groups: one a room, but one for all modules beside realm_tf/__init__."""
    folders = {_group(room): folder_of(room) for room in rooms.ROOMS}
    # Below realm_tf there are other rooms, below another room's folder only more of it.
    below = {name: "" if folder == "realm_tf" else "/..." for name, folder in folders.items()}
    return [
        rule("package_group", name, packages=quoted([f"//{folder}{below[name]}"]))
        for name, folder in sorted(folders.items())
    ]


def visibility(module: str) -> list[str]:
    """Returns the labels of those who may use a module: its own room and those that may import it.

    Args:
        module: Dotted name of the module, or of a package for the default of its folder.

    Raises:
        ValueError: If the module is in no room.
    """
    names = {_group(room) for room in rooms.importers(module)}
    own = rooms.room_of(module) or module
    # A folder's targets always see each other, so only a room of several folders names itself.
    names = names - {"realm_tf"} if folder_of(own) == "realm_tf" else names | {_group(own)}
    library = [] if own in NOT_IN_LIBRARY else [ROOT]
    return library + [f"//:{name}" for name in sorted(names)]


def _group(room: str) -> str:
    return folder_of(room).rpartition("/")[2]
