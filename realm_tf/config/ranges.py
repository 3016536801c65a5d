# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a setting may be: stated beside its default, and checked whenever a section is made.

    steps: int = ranges.setting(100, "Training steps.", at_least=1)

A message begins with the key, relative to its section; `parsing` puts the section before it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from realm_tf import types

# No setting needs more, and TensorFlow counts in 32 bits in many places.
LARGEST = 2**31 - 1

_SPEC = "spec"
_SHOWN_CHARACTERS = 120


@dataclasses.dataclass(frozen=True)
class Spec:
    """What a setting means, and what it may be. Of a list or a mapping: what each value may be.

    A key of a mapping is any text but an empty one.

    Attributes:
      meaning: A sentence for `docs/settings.md`.
      at_least: Smallest number.
      above: As `at_least`, but without this number itself.
      at_most: Largest number.
      below: As `at_most`, but without this number itself.
      choices: All that a text may be; empty: any text but an empty one.
      path: "file" or "directory", which a text must name that is not in `words`; see
        `parsing.check_paths`.
      words: Texts that are no path.
      increasing: Whether the values of a list must grow.
    """

    meaning: str
    at_least: float = -LARGEST
    above: float | None = None
    at_most: float = LARGEST
    below: float | None = None
    choices: tuple[str, ...] = ()
    path: str = ""
    words: tuple[str, ...] = ()
    increasing: bool = False

    def allows(self, value: Any) -> bool:
        """Whether one number or text is valid; not a number (NaN) never is."""
        if isinstance(value, bool):
            return True
        if isinstance(value, str):
            return value in self.choices if self.choices else bool(value.strip())
        return (
            self.at_least <= value <= self.at_most
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def valid(self, value: Any = None) -> str:
        """What is valid, in words; the largest number of all is named only to a `value` over it."""
        if self.choices:
            return one_of(self.choices)
        if self.path:
            return one_of((*self.words, f"the path of a {self.path} that is there"))
        if isinstance(value, str):
            return "a text that is not empty"
        lower, upper = _number(self.at_least), _number(self.at_most)
        is_over = isinstance(value, int | float) and value > self.at_most
        is_bounded = self.at_most != LARGEST or is_over
        if self.above is None and self.below is None and is_bounded:
            return f"from {lower} to {upper}"
        from_below = f"at least {lower}" if self.above is None else f"above {_number(self.above)}"
        if self.below is not None:
            return f"{from_below} and below {_number(self.below)}"
        return f"{from_below} and at most {upper}" if is_bounded else from_below


def setting(default: Any, meaning: str, **limits: Any) -> Any:
    """A field of a section: its default, what it means, and what it may be.

    Args:
      default: Value where nothing is configured.
      meaning: A sentence for `docs/settings.md`.
      **limits: Attributes of `Spec`.
    """
    metadata = {_SPEC: Spec(meaning, **limits)}
    if isinstance(default, dict):  # a dataclass wants a new one each time
        return dataclasses.field(default_factory=default.copy, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class Section:
    """A section of the configuration, which checks itself when it is made.

    Raises:
      UserError: If a setting is out of its range, or settings do not go together.
    """

    def __post_init__(self) -> None:
        for name, spec in self.settings().items():
            _check(name, getattr(self, name), spec)
        for fault in self.faults():
            raise types.UserError(fault)

    @classmethod
    def settings(cls) -> dict[str, Spec]:
        """What each setting of this section may be, without those of the sections in it."""
        fields = dataclasses.fields(cls)
        return {field.name: field.metadata[_SPEC] for field in fields if field.metadata}

    def sections(self) -> dict[str, Section]:
        """The sections in this one."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, Section)}

    def faults(self) -> Iterator[str]:
        """What is wrong between settings that are right by themselves; begins with a key."""
        yield from ()


def _check(name: str, value: Any, allowed: Spec) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _check(f"{name}, a key of it,", key, Spec(""))
            _check(f"{name}[{key!r}]", inner, allowed)
    elif isinstance(value, tuple):
        for place, inner in enumerate(value):
            _check(f"{name}[{place}]", inner, allowed)
        _check_order(name, value, allowed)
    elif value is not None and not allowed.allows(value):
        raise types.UserError(f"{name} must be {allowed.valid(value)}. Received: {shown(value)}.")


def _check_order(name: str, values: tuple[Any, ...], allowed: Spec) -> None:
    wanted = sorted(set(values)) if allowed.increasing else list(dict.fromkeys(values))
    if not values or list(values) != wanted:
        order = "in increasing order" if allowed.increasing else "all different"
        raise types.UserError(
            f"{name} must be a list of one value or more, {order}. Received: {shown(list(values))}."
        )


def one_of(choices: Collection[str]) -> str:
    """Choices as a text: "a, b or c"."""
    *first, last = choices
    return f"{', '.join(first)} or {last}" if first else last


def shown(value: Any) -> str:
    """A value for a message: as Python writes it, in one line, and not too long."""
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:g}"
