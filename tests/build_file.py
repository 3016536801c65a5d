# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Makes the BUILD file: one target per file, with the dependencies that the file imports.

`make build-file` writes it; `build_file_test.py` fails where BUILD says anything else.
"""

import pathlib
from collections.abc import Mapping

from tests import distributions, import_graph, source_tree

ROOT = pathlib.Path(__file__).parents[1]
MAIN = "realm_tf/__main__.py"
TEST_MAIN = "tests/pytest_main.py"
HEADER = '''# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""One target per file, with exact dependencies. Written by `make build-file`: do not edit.

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

load("@pypi//:requirements.bzl", "requirement")
load("@rules_python//python:defs.bzl", "py_binary", "py_library", "py_test")

package(default_visibility = ["//visibility:public"])

exports_files(["LICENSE"])
'''
SOURCES = """filegroup(
    name = "source_tree",
    srcs = glob([
        "*",
        "beam_jobs/**",
        "configs/**",
        "realm_tf/**",
        "serving/**",
        "tests/**",
    ]),
)
"""


def data_items(root: pathlib.Path) -> dict[str, bool]:
    """Returns what is not code: {path: whether it is a folder}, no item within another."""
    listing = {folder: names for folder, names in source_tree.walk(root) if names}
    code = {""}
    for folder in (f for f, names in listing.items() if any(n.endswith(".py") for n in names)):
        code |= {folder, *(parent.as_posix() for parent in pathlib.PurePath(folder).parents)}
    items = {}
    for folder, names in listing.items():
        if folder in code:
            items |= {f"{folder}/{name}": False for name in names if not name.endswith(".py")}
            continue
        top = folder
        while (parent := top.rpartition("/")[0]) not in code:
            top = parent
        items[top] = True
    return items


def data_of(file: source_tree.SourceFile, items: Mapping[str, bool]) -> list[str]:
    """Returns labels of the items that the file names: beside or above it, or by full path."""
    words = {word for text in file.strings() if " " not in text for word in text.split("/")}
    named = []
    for item in sorted(items):
        parent, _, name = item.rpartition("/")
        beside = file.path.startswith(f"{parent}/")
        if name in words and (beside or words.issuperset(parent.split("/"))):
            named.append(f'":{_group(item)}"' if items[item] else f'"{item}"')
    return named


def _group(folder: str) -> str:
    return f"{folder}_files"  # facts.py may stand beside facts/


def render(rule: str, name: str, **attributes: str | list[str]) -> str:
    """Returns a target's text, laid out as buildifier does; an empty list is left out."""
    lines = [f"{rule}(", f'    name = "{name}",']
    for key, value in attributes.items():
        if isinstance(value, str):
            lines.append(f"    {key} = {value},")
        elif len(value) == 1:
            lines.append(f"    {key} = [{value[0]}],")
        elif value:
            lines += [f"    {key} = [", *(f"        {item}," for item in value), "    ],"]
    return "\n".join([*lines, ")"])


class Tree:
    """The project's files, and the targets that they make.

    Args:
        root: The folder that holds the packages, the tests and the requirements.
    """

    def __init__(self, root: pathlib.Path):
        self._files = source_tree.read(root)
        self._graph = import_graph.ImportGraph(self._files)
        self._items = data_items(root)
        self._declared = distributions.declared(root)

    def targets(self) -> dict[str, str]:
        """Returns every target's text by its name, in the order of BUILD.

        Raises:
            ValueError: If an import is of a distribution that the requirements do not name.
        """
        made = {}
        for file in sorted(self._files.values(), key=lambda file: file.path):
            name = file.path.removesuffix(".py")
            is_test = name.endswith("_test")
            made[name] = self._test(name, file) if is_test else self._library(name, file)
            if file.path == MAIN:
                code = {"srcs": [f'"{MAIN}"'], "main": f'"{MAIN}"'}
                made["realm"] = render("py_binary", "realm", **code, deps=self._deps(file))
        for folder in sorted(item for item, is_folder in self._items.items() if is_folder):
            name = _group(folder)
            made[name] = render("filegroup", name, srcs=f'glob(["{folder}/**"])')
        return made

    def _library(self, name: str, file: source_tree.SourceFile) -> str:
        data = data_of(file, self._items)
        return render("py_library", name, srcs=[f'"{file.path}"'], data=data, deps=self._deps(file))

    def _test(self, name: str, file: source_tree.SourceFile) -> str:
        data = ['"pyproject.toml"', *data_of(file, self._items)]
        if "tests.source_tree" in self._graph.reachable(file.module):
            data.append('":source_tree"')
        return render(
            "py_test",
            name,
            size='"enormous"' if "pytest.mark.slow" in file.text else '"medium"',
            srcs=[f'"{file.path}"', f'"{TEST_MAIN}"'],
            args=[f'"$(rootpath {file.path})"'],
            data=data,
            main=f'"{TEST_MAIN}"',
            deps=self._deps(file),
        )

    def _deps(self, file: source_tree.SourceFile) -> list[str]:
        needs = set(self._graph.needs(file.module))
        if file.path.endswith("_test.py"):
            needs |= {m for m, f in self._files.items() if self._serves_test(f, file)}
        outside = {
            distributions.of_import(name, self._declared, f"{file.path}:{line}")
            for line, name in file.imports()
            if source_tree.resolve(name, self._files) is None
        }
        labels = sorted(f'":{self._files[need].path.removesuffix(".py")}"' for need in needs)
        return labels + [f'requirement("{name}")' for name in sorted(outside - {None})]

    @staticmethod
    def _serves_test(file: source_tree.SourceFile, test: source_tree.SourceFile) -> bool:
        """Whether pytest loads the file for the test, which does not import it."""
        folder, _, name = file.path.rpartition("/")
        above = name == "conftest.py" and test.path.startswith(f"{folder}/")
        return above or file.path == TEST_MAIN


def text(root: pathlib.Path) -> str:
    """Returns what BUILD should say."""
    return "\n".join([HEADER, *(f"{made}\n" for made in Tree(root).targets().values()), SOURCES])


if __name__ == "__main__":
    (ROOT / "BUILD").write_text(text(ROOT), encoding="utf-8")
