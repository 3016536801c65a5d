# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes a corpus of plain files, as a new user would bring it: documentation of Python packages.

    python benchmarks/own_corpus.py CORPUS_DIR

What is installed beside this project gives the texts: the long descriptions of packages
(`descriptions/`), their files in Markdown and reStructuredText (`files/`), and what the modules of
the standard library say of themselves and of their public functions and classes (`library/`).
Questions about them, written by hand, are in `questions/`.
"""

from __future__ import annotations

import ast
import importlib.metadata
import pathlib
import re
import sys
import sysconfig
import warnings
from collections.abc import Iterator

MIN_WORDS = 50
_SUFFIXES = {"text/markdown": ".md", "text/x-rst": ".rst"}
_LEGAL = re.compile(r"licen[cs]e|copying|notice|authors", re.IGNORECASE)
_NOT_PUBLIC = {"site-packages", "test", "tests", "idlelib", "lib2to3", "turtledemo"}


def descriptions(packages: list[importlib.metadata.Distribution]) -> Iterator[tuple[str, str]]:
    """File name and text of the long description of every package."""
    for package in packages:
        about = package.metadata.json  # the body of METADATA, too
        kind = str(about.get("description_content_type", "")).split(";")[0]
        text = str(about.get("description", ""))
        yield f"descriptions/{package.name}{_SUFFIXES.get(kind, '.txt')}", text


def files(packages: list[importlib.metadata.Distribution]) -> Iterator[tuple[str, str]]:
    """Name and text of every file of documentation that a package brings."""
    for package in packages:
        for file in package.files or ():
            if file.suffix in _SUFFIXES.values() and not _LEGAL.search(file.name):
                path = pathlib.Path(str(file.locate()))
                # No folders, for those whose names begin with "_" would be hidden in a corpus.
                yield f"files/{'.'.join(file.parts)}", path.read_text("utf-8", errors="replace")


def library(folder: pathlib.Path) -> Iterator[tuple[str, str]]:
    """Name and docstrings of every module of a library, which is parsed and not imported."""
    for path in sorted(folder.rglob("*.py")):
        inside = path.relative_to(folder).with_suffix("")
        parts = [part for part in inside.parts if part != "__init__"]
        if any(part in _NOT_PUBLIC or part.startswith("_") for part in parts):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in the library's own texts
            module = ast.parse(path.read_text(encoding="utf-8", errors="replace"))
        yield f"library/{'.'.join(parts)}.txt", "\n\n".join(_docstrings(module))


def _docstrings(module: ast.Module) -> Iterator[str]:
    if text := ast.get_docstring(module):
        yield text
    for node in module.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        if text := ast.get_docstring(node):
            yield f"{node.name}\n{text}"


def main(target: str) -> None:
    """Writes all texts of at least `MIN_WORDS` words."""
    installed = importlib.metadata.distributions()
    packages = [package for package in installed if package.name != "realm-tf"]
    standard = pathlib.Path(sysconfig.get_path("stdlib"))
    found = {**dict(descriptions(packages)), **dict(files(packages)), **dict(library(standard))}
    kept = {name: text for name, text in found.items() if len(text.split()) >= MIN_WORDS}
    for name, text in kept.items():
        path = pathlib.Path(target) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    print(f"{target}: {len(kept)} files, {sum(len(text.split()) for text in kept.values())} words")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
