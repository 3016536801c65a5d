# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds dates in texts by the rules of a language, as the paper does (section 3.4).

Rules are data, a YAML file a language in `date_rules/`; what they should find, how well they do and
how to write them for another language is in docs/dates.md. No rule may repeat without bound, so the
time to search a text grows with its length alone.
"""

from __future__ import annotations

import functools
import pathlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from realm_tf import artifacts, types
from realm_tf.text import offsets
from realm_tf.text import words as words_lib
from realm_tf.text.inputs import lines

NONE = "none"

_BUNDLED = pathlib.Path(__file__).parent / "date_rules"
_SECTIONS = {"language": str, "words": dict, "parts": dict, "never": list, "dates": list}
# Where no date begins or ends: in a word, in an amount, in a larger number, behind "#".
_BEFORE = rf"{words_lib.NOT_AFTER}(?<![$€£¥.,/#№§])(?<![A-Z0-9]-)"
_AFTER = rf"{words_lib.NOT_BEFORE}(?!%)"
_ANY_SPACE = "[ \u00a0\u202f]"  # what a space in a rule stands for
_ATOM = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)  # of a regular expression
_NAME = re.compile(r"\{([a-z_]+)\}")
_UNBOUNDED = re.compile(r"[*+]|\{\d*,\}")


class DateRules:
    """The date rules of one language, compiled from a file of rules.

    Args:
      values: Content of a file of rules.
      source: Name of the file, for error messages.

    Attributes:
      language: Language that the file names.
      fingerprint: Hash of the rules.

    Raises:
      UserError: If the rules are not as docs/dates.md describes them.
    """

    def __init__(self, values: Mapping[str, Any], source: str):
        _check_sections(values, source)
        self.language: str = values["language"]
        self.fingerprint = artifacts.digest(values)
        known: dict[str, str] = {}
        for name, words in values.get("words", {}).items():
            if not isinstance(words, list) or not words:
                raise types.UserError(f"{source}: words.{name} is not a list of words.")
            known[name] = _one_of(map(str, words))
        for name, part in values.get("parts", {}).items():
            rules = part if isinstance(part, list) else [part]
            known[name] = _either(_expand(r, known, f"{source}: parts.{name}") for r in rules)
        never, date = (
            _either(
                _expand(rule, known, f"{source}: {section}") for rule in values.get(section, [])
            )
            for section in ("never", "dates")
        )
        # What is never a date is found like one, so that it hides what lies in it.
        pattern = f"{_BEFORE}(?:(?P<never>{never})|{date}){_AFTER}"
        self._pattern = re.compile(_with_any_space(pattern))
        if self._pattern.match(""):
            raise types.UserError(f"{source}: a rule matches the empty text.")

    def find(self, text: str) -> list[tuple[int, int]]:
        """Finds the dates of a text.

        Returns:
          (byte_start, byte_limit) of every date, in order, not overlapping.
        """
        return offsets.to_bytes(text, list(self._find(text)))

    def _find(self, text: str) -> Iterator[tuple[int, int]]:
        for match in self._pattern.finditer(text):
            if match["never"] is None:
                yield match.span()


class _NoDates(DateRules):
    """Date rules that find no dates."""

    def __init__(self) -> None:
        super().__init__({"language": NONE, "dates": ["(?!)"]}, NONE)

    def find(self, text: str) -> list[tuple[int, int]]:
        del text
        return []


def languages() -> list[str]:
    """The languages whose date rules are bundled."""
    return sorted(path.stem for path in _BUNDLED.glob("*.yaml"))


@functools.cache
def load(name: str) -> DateRules:
    """Loads the date rules of a language.

    Args:
      name: A bundled language; the path of a file of rules, which ends in .yaml or .yml; or "none".

    Raises:
      UserError: If there are no such rules, or they are not as docs/dates.md describes them.
    """
    if name == NONE:
        return _NoDates()
    if name in languages():
        return _read(str(_BUNDLED / f"{name}.yaml"))
    if not name.endswith((".yaml", ".yml")):
        raise types.UserError(
            f"There are no date rules for {name!r}. Valid for tagging.dates:"
            f" {', '.join(languages())}, none, or the path of your own rules (.yaml)."
        )
    return _read(name)


def _read(path: str) -> DateRules:
    text = "\n".join(line for _, line in lines.read_lines(path))
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise types.UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    return DateRules(values, path)


def _check_sections(values: Any, source: str) -> None:
    if not isinstance(values, Mapping) or not {"language", "dates"} <= values.keys():
        raise types.UserError(f"{source}: date rules need at least the keys language and dates.")
    for name, value in values.items():
        if not isinstance(value, _SECTIONS.get(name, ())):
            shape = {n: t.__name__ for n, t in _SECTIONS.items()}.get(name)
            what = f"must be a {shape}" if shape else f"is none of {', '.join(_SECTIONS)}"
            raise types.UserError(f"{source}: the key {name!r} {what}.")


def _expand(rule: Any, known: Mapping[str, str], where: str) -> str:
    """A date rule with its {names} replaced.

    Raises:
      UserError: If a name is not known yet, or it is not a regular expression without unbounded
        repetition that matches something.
    """
    bare = "".join(atom for atom in _ATOM.findall(str(rule)) if atom[0] not in "\\[")
    if _UNBOUNDED.search(bare):
        raise types.UserError(
            f"{where}: {rule!r} repeats without bound (* or +), which may take very long on some"
            " texts. Say how often, as in {1,9}."
        )
    for name in _NAME.findall(str(rule)):
        if name not in known:
            raise types.UserError(
                f"{where}: {rule!r} names {{{name}}}, which is neither among the words nor"
                " a part above it."
            )
    expanded = _NAME.sub(lambda match: known[match[1]], str(rule))
    try:
        re.compile(expanded)
    except re.error as error:
        raise types.UserError(f"{where}: {rule!r} is not a regular expression: {error}.") from None
    return expanded


def _one_of(words: Iterable[str]) -> str:
    """A rule for the longest of `words`; those with another first letter cost no time."""
    rests: dict[str, list[str]] = {}
    for word in sorted(words, key=len, reverse=True):
        rests.setdefault(re.escape(word[:1]), []).append(re.escape(word[1:]))
    return _either(f"{first}(?:{'|'.join(rest)})" for first, rest in rests.items())


def _either(rules: Iterator[str]) -> str:
    return f"(?:{'|'.join(rules) or '(?!)'})"


def _with_any_space(pattern: str) -> str:
    atoms = _ATOM.findall(pattern)
    return "".join(_ANY_SPACE if atom in (" ", "\\ ") else atom for atom in atoms)
