# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The commands that documents, configurations and benchmarks print."""

import ast
import itertools
import pathlib
import re
import shlex
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_PROGRAMS = r"(?:\.venv/bin/)?(?:realm|python|make|tensorboard|docker|curl)"
# A line of a code block, with its shell's `for ...; do` before the command.
_LINE = re.compile(rf"^\s*(?:#\s+)?(?:for .*; do )?({_PROGRAMS} .*)$")
_INLINE = re.compile(rf"`({_PROGRAMS} [^`]*)`")


class Command(NamedTuple):
    """A printed command: the file that prints it, and its words, without comments."""

    source: str
    words: tuple[str, ...]

    @property
    def options(self) -> tuple[str, ...]:
        """The names of its options, before those of Beam, which come after `--`."""
        rest = self.words[2:] if "python" in self.words[0] else self.words[1:]
        own = itertools.takewhile(lambda word: word != "--", rest)
        words = (word.strip("[]") for word in own)
        return tuple(word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word))

    @property
    def what(self) -> str:
        """What is called: `realm blocks`, `realm train realm/ict`, `benchmarks/date_rules.py`."""
        program, *rest = self.words
        program = program.removeprefix(".venv/bin/")
        if program == "python":
            return rest[1].replace(".", "/") + ".py" if rest[0] == "-m" else rest[0]
        names = [word for word in rest[:2] if re.fullmatch(r"[a-z][a-z-]*|realm/[a-z_]+", word)]
        has_two = names[:1] in (["train"], ["data"], ["documents"])
        return " ".join([program, *(names if has_two else names[:1])])


def commands(root: pathlib.Path) -> list[Command]:
    """All commands that the repository prints, in the order of the files."""
    documents = [*root.glob("*.md"), *root.glob("docs/*.md"), *root.glob("benchmarks/*.md")]
    found: list[Command] = []
    for path in sorted(documents):
        text = path.read_text(encoding="utf-8")
        lines = itertools.chain(_code_lines(text), (m for m in _INLINE.findall(text)))
        found += _commands(path.relative_to(root), lines)
    for path in sorted(root.glob("configs/*.yaml")):
        text = path.read_text(encoding="utf-8")
        comments = itertools.takewhile(lambda line: line.startswith("#"), text.splitlines())
        found += _commands(path.relative_to(root), (line.lstrip("# ") for line in comments))
    for path in sorted(root.glob("benchmarks/*.py")):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")), clean=False) or ""
        indented = (line for line in text.splitlines() if line.startswith("    "))
        found += _commands(path.relative_to(root), indented)
    return found


def _code_lines(text: str) -> Iterator[str]:
    for number, part in enumerate(re.split(r"^```.*$", text, flags=re.MULTILINE)):
        if number % 2:
            yield from part.splitlines()


def _commands(source: pathlib.Path, lines: Iterable[str]) -> Iterator[Command]:
    for line in _joined(lines):
        if match := _LINE.match(line):
            first = re.split(r"\s+(?:\(|[;>|&])", match.group(1))[0]  # one command, no redirection
            yield Command(str(source), tuple(shlex.split(first, comments=True)))


def _joined(lines: Iterable[str]) -> Iterator[str]:
    """Joins lines that end with a backslash with the next ones."""
    pending = ""
    for line in lines:
        if line.endswith("\\"):
            pending += line[:-1] + " "
        else:
            yield pending + line.strip() if pending else line
            pending = ""
