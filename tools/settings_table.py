# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/settings.md, the table of all settings, from the sections of the configuration.

Run it with `make settings-table`; a test holds the file to what is written here.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import pathlib
from collections.abc import Iterator

from realm_tf import config as config_lib
from realm_tf.config import ranges

PATH = pathlib.Path(__file__).parents[1] / "docs" / "settings.md"

_HEAD = """\
<!-- Written by `make settings-table`: do not edit. -->
# All settings

Every setting with its default, what is valid, and what it means. How to set them, and which to
choose, is in [training.md](training.md). Lengths are in wordpieces and include the special tokens.
Steps are optimiser steps.

A value that is not valid is refused before any work begins, and so are values that do not go
together. A number is never NaN or infinite, and at most 2147483647 where nothing else is said.
"""
_COLUMNS = "| key | default | valid | meaning |\n|---|---|---|---|"


def text() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_tables(config_lib.Config(), "")])


def _tables(section: ranges.Section, key: str) -> Iterator[str]:
    """The tables of a section and of the sections in it, each with its heading."""
    if key:
        yield f"## {key}\n\n{inspect.getdoc(section)}\n"
    prefix = f"{key}." if key else ""
    rows = list(_rows(section, prefix))
    if rows:
        yield "\n".join([_COLUMNS, *rows, ""])
    for name, inner in section.sections().items():
        yield from _tables(inner, f"{prefix}{name}")


def _rows(section: ranges.Section, prefix: str) -> Iterator[str]:
    kinds = {field.name: str(field.type) for field in dataclasses.fields(section)}
    for name, spec in section.settings().items():
        default = getattr(section, name)
        shown = default if isinstance(default, str) else json.dumps(default)
        valid = _valid(spec, kinds[name])
        yield f"| `{prefix}{name}` | `{shown}` | {valid} | {spec.meaning} |"


def _valid(spec: ranges.Spec, kind: str) -> str:
    plain = kind.removesuffix(" | None")
    order = "in increasing order" if spec.increasing else "all different"
    words = {
        "bool": "true or false",
        "str": spec.valid() if spec.choices or spec.path else "a text",
        "int": f"a whole number, {spec.valid()}",
        "float": f"a number, {spec.valid()}",
        "tuple[int, ...]": f"a list of whole numbers, each {spec.valid()}, {order}",
        "tuple[str, ...]": f"a list, each {spec.valid()}, {order}",
        "Mapping[str, str]": f"a mapping of texts to {spec.valid() if spec.choices else 'texts'}",
    }
    return words[plain] if plain == kind else f"null, or {words[plain]}"


def main() -> None:
    """Writes the page."""
    PATH.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
