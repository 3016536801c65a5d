# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Makes checked configuration dataclasses from YAML files and "section.key=value" overrides."""

from __future__ import annotations

import dataclasses
import difflib
import os
import types as py_types
import typing
from collections.abc import Mapping
from typing import Any

import yaml

from realm_tf import types
from realm_tf.config import ranges


def _check(condition: bool, message: str) -> None:
    """Raises a `UserError` with `message` unless `condition`."""
    if not condition:
        raise types.UserError(message)


def read_yaml(path: str) -> dict[str, Any]:
    """Reads a YAML file that holds a mapping, or raises a `UserError`."""
    try:
        with open(path, encoding="utf-8") as f:
            values = yaml.safe_load(f) or {}
    except FileNotFoundError:
        raise types.UserError(f"No such config file: {path}.") from None
    except OSError as error:
        raise types.UserError(f"Cannot read the config file {path}: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise types.UserError(f"{path} is not valid YAML: {_one_line(error)}") from None
    _check(isinstance(values, dict), f"{path} must hold a mapping of settings at the top.")
    return values


def merge(values: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Puts the settings of `changes` into nested `values`, in place of those that are there."""
    for key, change in changes.items():
        if isinstance(change, Mapping):
            known = values.get(key)
            # A dict of its own: what a YAML file names twice, by an anchor, is one object.
            values[key] = dict(known) if isinstance(known, dict) else {}
            merge(values[key], change)
        else:
            values[key] = change


def apply_override(values: dict[str, Any], override: str) -> None:
    """Sets one "a.b=value" in nested `values`; the value is read as YAML."""
    key, equals, text = override.partition("=")
    _check(bool(equals), f"--set needs key.key=value. Received: {override!r}.")
    *parents, last = key.strip().split(".")
    for parent in parents:
        inner = values.setdefault(parent, {})
        _check(isinstance(inner, dict), f"--set {override}: {parent!r} is a value, not a section.")
        values = inner
    try:
        values[last] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise types.UserError(f"--set {override} is not valid YAML: {_one_line(error)}") from None


def _one_line(text: object) -> str:
    return " ".join(str(text).split())


def from_dict(cls: type, values: Mapping[str, Any], where: str = "") -> Any:
    """Makes the section `cls` from a mapping, checking keys, types and, as it is made, values.

    Raises:
      UserError: An unknown key (with the nearest valid one), a value of a wrong type, or what the
        section refuses.
    """
    fields = {f.name: f for f in dataclasses.fields(cls)}
    hints = typing.get_type_hints(cls)
    made = {}
    for key, value in values.items():
        name = f"{where}{key}"
        if key not in fields:
            near = difflib.get_close_matches(str(key), fields, n=1, cutoff=0.4)
            hint = f" Did you mean {where}{near[0]}?" if near else f" Valid: {', '.join(fields)}."
            raise types.UserError(f"Unknown config key {_one_line(name)}.{hint}")
        spec = fields[key].metadata.get("spec")
        if value is False and spec is not None and "off" in spec.choices:
            value = "off"  # which YAML 1.1 reads so
        made[key] = _coerce(hints[key], value, name)
    try:
        return cls(**made)
    except types.UserError as error:
        raise types.UserError(f"{where}{error}") from None  # it begins with a key


def check_paths(section: ranges.Section, where: str = "") -> None:
    """Checks, once YAML and overrides are parsed, that paths which settings name are there.

    Remote ones are not looked for.

    Raises:
      UserError: If one is missing.
    """
    for name, spec in section.settings().items():
        value = getattr(section, name)
        if spec.path and value is not None and value not in spec.words and "://" not in value:
            is_there = (os.path.isdir if spec.path == "directory" else os.path.isfile)(value)
            message = f"{where}{name} must be {spec.valid()}. Received: {ranges.shown(value)}."
            _check(is_there, message)
    for name, inner in section.sections().items():
        check_paths(inner, f"{where}{name}.")


def _coerce(hint: Any, value: Any, name: str) -> Any:
    if dataclasses.is_dataclass(hint):
        _check(
            isinstance(value, Mapping),
            f"{name} must be a section. Received: {ranges.shown(value)}.",
        )
        return from_dict(typing.cast(type, hint), value, f"{name}.")
    if isinstance(hint, py_types.UnionType):
        if value is None:
            return None
        hint = next(h for h in typing.get_args(hint) if h is not type(None))
    if typing.get_origin(hint) is Mapping:
        _check(
            isinstance(value, Mapping),
            f"{name} must be a mapping. Received: {ranges.shown(value)}.",
        )
        key_hint, value_hint = typing.get_args(hint)
        return {
            _coerce(key_hint, k, f"a key of {name}"): _coerce(value_hint, v, f"{name}.{k}")
            for k, v in value.items()
        }
    if typing.get_origin(hint) is tuple:
        _check(
            isinstance(value, list | tuple),
            f"{name} must be a list. Received: {ranges.shown(value)}.",
        )
        return tuple(_coerce(typing.get_args(hint)[0], v, name) for v in value)
    if hint is float and isinstance(value, int | str) and not isinstance(value, bool):
        with_float = _as_float(value)
        value = value if with_float is None else with_float
    ok = isinstance(value, hint) and not (hint is int and isinstance(value, bool))
    cure = " Put it into quotes." if hint is str and isinstance(value, bool | int | float) else ""
    _check(ok, f"{name} must be of type {hint.__name__}. Received: {ranges.shown(value)}.{cure}")
    return value


def _as_float(value: int | str) -> float | None:
    try:
        return float(value)  # YAML 1.1 reads 1e-4 as a string
    except (ValueError, OverflowError):
        return None
