# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The project's Python files and what they import, read without running them."""

import ast
import dataclasses
import functools
import os
import pathlib
from collections.abc import Iterator, Mapping

PACKAGES = ("beam_jobs", "realm_tf", "serving")
FOLDERS = (*PACKAGES, "tests", "tools")
BUILD = "BUILD"


@dataclasses.dataclass(frozen=True)
class SourceFile:
    """One Python file.

    Attributes:
        path: From the root, with slashes.
        module: Its dotted name; that of the package for an `__init__.py`.
        text: Its source.
    """

    path: str
    module: str
    text: str

    @property
    def is_init(self) -> bool:
        """Whether the file is the __init__.py of a package."""
        return self.path.endswith("__init__.py")

    def syntax(self) -> ast.Module:
        """Returns the file's syntax tree, a new one at every call."""
        return ast.parse(self.text, filename=self.path)

    @functools.cached_property
    def _nodes(self) -> tuple[ast.AST, ...]:
        return tuple(ast.walk(self.syntax()))

    def strings(self) -> set[str]:
        """Returns the file's string constants."""
        nodes = (n for n in self._nodes if isinstance(n, ast.Constant))
        return {node.value for node in nodes if isinstance(node.value, str)}

    def imports(self) -> Iterator[tuple[int, str]]:
        """Yields (line, dotted name) for every import, those within functions too.

        A name taken from a module is appended to the module's: whether it is a module is for
        `resolve` to say. A relative import begins with a dot.
        """
        for node in self._nodes:
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = "." * node.level + (node.module or "")
                yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
            elif isinstance(node, ast.Constant) and self._is_lazy_import(node.value):
                yield node.lineno, str(node.value).partition(":")[0]

    def _is_lazy_import(self, value: object) -> bool:
        """Whether a constant is one of our dotted names, as import_module or `-m` take it."""
        return (
            isinstance(value, str)
            and not self.module.startswith("tools.")  # Tables there name modules: no imports.
            and value.startswith(tuple(f"{package}." for package in PACKAGES))
            and all(part.isidentifier() for part in value.partition(":")[0].split("."))
        )


def walk(root: pathlib.Path) -> Iterator[tuple[str, list[str]]]:
    """Yields (folder, names of its files but for BUILD) below the top folders, sorted."""
    for top in FOLDERS:
        for folder, subfolders, names in os.walk(root / top, followlinks=True):
            subfolders[:] = sorted(
                name for name in subfolders if name != "__pycache__" and not name.startswith(".")
            )
            yield pathlib.Path(folder).relative_to(root).as_posix(), sorted(set(names) - {BUILD})


def build_files(root: pathlib.Path) -> list[str]:
    """Returns the paths of the BUILD files that are there, sorted."""
    folders = ["", *(folder for folder, _ in walk(root))]
    paths = (f"{folder}/{BUILD}".removeprefix("/") for folder in folders)
    return sorted(path for path in paths if (root / path).exists())


def read(root: pathlib.Path) -> dict[str, SourceFile]:
    """Returns the project's Python files by module name."""
    files = {}
    for folder, names in walk(root):
        for name in (name for name in names if name.endswith(".py")):
            path = f"{folder}/{name}"
            module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            text = (root / path).read_text(encoding="utf-8")
            files[module] = SourceFile(path=path, module=module, text=text)
    return files


def resolve(name: str, files: Mapping[str, SourceFile]) -> str | None:
    """Returns the project's module that a dotted name means, or None if it is none of ours."""
    while name:
        if name in files:
            return name
        name = name.rpartition(".")[0]
    return None
