# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The files that are not code, and which source file names them."""

import dataclasses
import pathlib
from collections.abc import Iterable, Sequence

from tools import source_tree

# Folders that hold no package of Bazel's. Tests may read them.
ROOT_FOLDERS = ("benchmarks", "configs", "docs")


@dataclasses.dataclass(frozen=True)
class DataItem:
    """A file that is not code, or a whole folder of such files.

    Attributes:
        path: Its path from the root, with slashes.
        is_folder: Whether it is a folder.
    """

    path: str
    is_folder: bool

    @property
    def parent(self) -> str:
        """Path of the folder that holds the item, empty for the root."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """The item's name in its folder."""
        return self.path.rpartition("/")[2]

    @property
    def target(self) -> str:
        """The item's target in its parent's BUILD: facts.py may stand beside the folder facts."""
        return f"{self.name}_files" if self.is_folder else self.name

    def is_named_by(self, file: source_tree.SourceFile, words: set[str]) -> bool:
        """Whether a file names the item: beside or above it, or by its full path.

        Args:
            file: The file.
            words: Every part of a path in the file's strings.
        """
        if self.name not in words:
            return False
        if not self.parent:
            return file.path.startswith("tests/")
        beside = file.path.startswith(f"{self.parent}/")
        return beside or words.issuperset(self.parent.split("/"))


def code_folders(root: pathlib.Path) -> list[str]:
    """Returns the folders with code in them or below them, sorted: Bazel's packages."""
    folders = {folder for folder, names in source_tree.walk(root) if _has_code(names)}
    above = {parent.as_posix() for f in folders for parent in pathlib.PurePath(f).parents}
    return sorted(folders | above - {"."})


def find(root: pathlib.Path) -> list[DataItem]:
    """Returns the items below a root, sorted by path, no item within another."""
    code = set(code_folders(root))
    items = {DataItem(name, is_folder=True) for name in ROOT_FOLDERS if (root / name).is_dir()}
    for folder, names in source_tree.walk(root):
        if not names:
            continue
        if folder in code:
            files = (f"{folder}/{name}" for name in names if not name.endswith(".py"))
            items |= {DataItem(path, is_folder=False) for path in files}
            continue
        top = folder
        while (parent := top.rpartition("/")[0]) and parent not in code:
            top = parent
        items.add(DataItem(top, is_folder=True))
    return sorted(items, key=lambda item: item.path)


def named_by(file: source_tree.SourceFile, items: Sequence[DataItem]) -> list[DataItem]:
    """Returns the items that a file names, in the order of `items`."""
    words = {word for text in file.strings() if " " not in text for word in text.split("/")}
    return [item for item in items if item.is_named_by(file, words)]


def _has_code(names: Iterable[str]) -> bool:
    return any(name.endswith(".py") for name in names)
