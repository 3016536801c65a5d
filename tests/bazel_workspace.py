# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads BUILD files as Bazel does, as far as labels and visibility go, and says what it refuses."""

import ast
import dataclasses
import pathlib
from collections.abc import Iterator, Mapping

LABELS = ("srcs", "deps", "data", "main", "actual")
BUILT_IN = ("package", "exports_files", "package_group", "filegroup", "alias", "glob", "load")


@dataclasses.dataclass(frozen=True)
class Target:
    """A rule's target, or an exported file.

    Attributes:
        kind: Name of the rule, such as py_library.
        labels: Full labels of what it names, by attribute.
        visibility: Full labels of those who may use it.
        strings: Every string in it.
    """

    kind: str
    labels: Mapping[str, list[str]]
    visibility: list[str]
    strings: list[str]


class Workspace:
    """All BUILD files of a workspace.

    Args:
        root: Folder that holds the files that the BUILD files name.
        texts: Text of every BUILD file by its path.
    """

    def __init__(self, root: pathlib.Path, texts: Mapping[str, str]):
        self._root = root
        self.targets: dict[str, Target] = {}
        self._syntax: list[str] = []
        for path, text in texts.items():
            self._read(path.rpartition("/")[0], text)
        self._packages = {path.rpartition("/")[0] for path in texts}

    def faults(self) -> Iterator[str]:
        """Yields what Bazel would refuse."""
        yield from self._syntax
        for name, target in self.targets.items():
            for needed in (label for labels in target.labels.values() for label in labels):
                if not self._is_there(needed):
                    yield f"{name} names {needed}, which is not there."
                elif not self.is_visible(needed, _package(name)):
                    yield f"{name} names {needed}, which it may not see."
            for group in target.visibility:
                is_special = group.startswith("//visibility:") or group.endswith(":__pkg__")
                kind = getattr(self.targets.get(group), "kind", "")
                if not is_special and kind != "package_group":
                    yield f"{name} is visible to {group}, which is no package group."

    def is_visible(self, label: str, package: str) -> bool:
        """Whether a target may be used by the targets of a package."""
        if _package(label) == package:
            return True
        target = self.targets.get(label)
        return target is not None and any(self._holds(v, package) for v in target.visibility)

    def _holds(self, visibility: str, package: str) -> bool:
        """Whether a package is among those that a visibility names."""
        if visibility.startswith("//visibility:"):
            return visibility == "//visibility:public"
        if visibility.endswith(":__pkg__"):
            return visibility == f"//{package}:__pkg__"
        for pattern in self.targets[visibility].strings[1:]:
            folder = pattern.removesuffix("/...").removeprefix("//")
            if package == folder or (pattern.endswith("/...") and package.startswith(f"{folder}/")):
                return True
        return False

    def _is_there(self, label: str) -> bool:
        """Whether a label is a target, or a file of its own package that is on disk."""
        folder, name = _package(label), label.rpartition(":")[2]
        if label in self.targets and self.targets[label].kind != "exports_files":
            return True
        below = [f"{folder}/{parent}" for parent in pathlib.PurePath(name).parents][:-1]
        is_of_package = folder in self._packages and not self._packages.intersection(below)
        return is_of_package and (self._root / folder / name).is_file()

    def _read(self, package: str, text: str) -> None:
        usual, loaded = ["//visibility:private"], set(BUILT_IN)
        for statement in ast.parse(text).body[1:]:
            call = statement.value
            values = {word.arg: word.value for word in call.keywords}
            kind, strings = call.func.id, _strings(call)
            if kind == "load":
                loaded |= set(strings[1:])
            calls = {n.func.id for n in ast.walk(call) if isinstance(n, ast.Call)}
            self._syntax += [f"{package} does not load {name}." for name in calls - loaded]
            if kind == "package":
                usual = _full(_strings(values["default_visibility"]), package)
            elif kind == "exports_files":
                visible = _strings(values["visibility"]) if "visibility" in values else []
                visible = visible or ["//visibility:public"]
                names = [value for value in strings if value not in visible]
                for name in names:
                    self._add(f"//{package}:{name}", Target(kind, {}, visible, []))
            elif kind != "load":
                named = {key: _labels(values[key]) for key in LABELS if key in values}
                full = {key: _full(labels, package) for key, labels in named.items()}
                given = (
                    _full(_strings(values["visibility"]), package)
                    if "visibility" in values
                    else usual
                )
                visible = [] if kind == "package_group" else given
                self._add(f"//{package}:{strings[0]}", Target(kind, full, visible, strings))

    def _add(self, name: str, target: Target) -> None:
        if name in self.targets:
            self._syntax.append(f"{name} is there twice.")
        self.targets[name] = target


def _package(label: str) -> str:
    return label.removeprefix("//").partition(":")[0]


def _strings(node: ast.AST) -> list[str]:
    """Returns the strings below a node, in the order of the text."""
    found = [n for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return [n.value for n in sorted(found, key=lambda n: (n.lineno, n.col_offset))]


def _labels(node: ast.expr) -> list[str]:
    """Returns the labels in a value: not the patterns of a glob, nor requirements."""
    if isinstance(node, ast.Constant):
        return [node.value]
    if isinstance(node, ast.BinOp):
        return _labels(node.left) + _labels(node.right)
    if isinstance(node, ast.List):
        return [label for item in node.elts for label in _labels(item)]
    return []


def _full(labels: list[str], package: str) -> list[str]:
    """Returns labels in full: a bare name is one of the package's files."""
    return [
        label if label.startswith("//") else f"//{package}:{label.removeprefix(':')}"
        for label in labels
    ]
