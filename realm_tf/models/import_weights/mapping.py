# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Assigns foreign tensors to our variables by rules, strictly and with a report; and back.

Every variable must be filled by exactly one tensor of the right shape, and every tensor must be
used, or be known as one that legitimately is not.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from realm_tf import types

# Model Garden keeps heads as a dimension of their own; all others flatten them.
_HEADS_LAST = re.compile(r"/(query|key|value)/(kernel|bias)$")
_HEADS_FIRST = re.compile(r"/attention_output/kernel$")
_NAMES_SHOWN = 3


@dataclasses.dataclass(frozen=True)
class Rule:
    """A mapping rule: this foreign tensor becomes this variable of ours.

    Attributes:
      source: Name of the foreign tensor.
      target: Our name of the variable, as `models.variable_names` gives it.
      transposed: Whether the source keeps kernels as [outputs, inputs], as PyTorch does.
      split_heads: Whether the source has heads as a dimension of their own, as Model Garden does.
    """

    source: str
    target: str
    transposed: bool = False
    split_heads: bool = False

    def stored_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Shape of the foreign tensor, given that of our variable."""
        shape = tuple(shape)
        if self.split_heads:
            return shape
        if _HEADS_LAST.search(self.target):
            shape = (*shape[:-2], shape[-2] * shape[-1])
        elif _HEADS_FIRST.search(self.target):
            shape = (shape[0] * shape[1], *shape[2:])
        return shape[::-1] if self.transposed else shape

    def to_ours(self, array: np.ndarray, shape: Sequence[int]) -> np.ndarray:
        """A foreign tensor as our variable of that shape."""
        return (array.T if self.transposed else array).reshape(tuple(shape))

    def from_ours(self, array: np.ndarray) -> np.ndarray:
        """Our variable as the foreign tensor: the inverse of `to_ours`."""
        if self.transposed:
            return np.ascontiguousarray(array.reshape(self.stored_shape(array.shape)[::-1]).T)
        return array.reshape(self.stored_shape(array.shape))


@dataclasses.dataclass(frozen=True)
class Unused:
    """Foreign tensors for which our network has no place, and the reason.

    Attributes:
      pattern: Regular expression that matches their whole names.
      reason: The reason, for the report.
      equal_to: Name of a tensor of which they must be copies; None if they may hold anything.
    """

    pattern: str
    reason: str
    equal_to: str | None = None


@dataclasses.dataclass(frozen=True)
class Report:
    """The report of an import: what became of every foreign tensor.

    Attributes:
      mapped: A row (source, target, stored shape, our shape) for every mapped tensor.
      unused: A row (source, reason) for every tensor that is not used.
      notes: Notes for the user on what was assumed or not found.
    """

    mapped: tuple[tuple[str, str, str, str], ...]
    unused: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()

    def head(self) -> str:
        """The first lines of the report: numbers of tensors, and the notes."""
        lines = [f"{len(self.mapped)} tensors mapped, {len(self.unused)} not used."]
        return "\n".join([*lines, *(f"note    {note}" for note in self.notes)])

    def text(self) -> str:
        """The report as text, with one line for each tensor."""
        lines = [self.head()]
        lines += [f"mapped  {s} {a} -> {t} {b}" for s, t, a, b in self.mapped]
        lines += [f"unused  {source}: {reason}" for source, reason in self.unused]
        return "\n".join(lines) + "\n"

    def __add__(self, other: Report) -> Report:
        return Report(
            self.mapped + other.mapped, self.unused + other.unused, self.notes + other.notes
        )


def fill(
    variables: Mapping[str, tf.Variable],
    tensors: Mapping[str, np.ndarray],
    rules: Sequence[Rule],
    *,
    unused: Sequence[Unused] = (),
    where: str,
) -> Report:
    """Assigns foreign tensors to our variables.

    Args:
      variables: Our variables by name; every one is filled.
      tensors: Foreign tensors by name; every one is used, or matches an `unused`.
      rules: The mapping rules, one for each variable.
      unused: Foreign tensors for which there is no place.
      where: What is read, for error messages.

    Returns:
      The report of what became of every tensor.

    Raises:
      UserError: If a tensor is missing, of another shape or not numeric, or one is not known.
    """
    if {rule.target for rule in rules} != set(variables):
        missing = {rule.target for rule in rules} ^ set(variables)
        raise ValueError(f"The rules do not fit the network: {sorted(missing)}.")
    used = {rule.source for rule in rules}
    left_over = _unused(tensors, used, unused, where)
    _refuse(sorted(used - set(tensors)), "lacks", where)
    mapped = []
    for rule in rules:
        array, variable = tensors[rule.source], variables[rule.target]
        _check(rule, array, variable, where)
        variable.assign(rule.to_ours(array, variable.shape).astype(np.float32))
        mapped.append(
            (rule.source, rule.target, _shape_text(array.shape), _shape_text(variable.shape))
        )
    return Report(tuple(mapped), tuple(left_over))


def extract(variables: Mapping[str, tf.Variable], rules: Sequence[Rule]) -> dict[str, np.ndarray]:
    """Our variables as foreign tensors: what `fill` reads back, bit for bit."""
    return {rule.source: rule.from_ours(variables[rule.target].numpy()) for rule in rules}


def _unused(
    tensors: Mapping[str, np.ndarray], used: set[str], unused: Sequence[Unused], where: str
) -> list[tuple[str, str]]:
    left_over, unknown = [], []
    for name in sorted(set(tensors) - used):
        known = next((u for u in unused if re.fullmatch(u.pattern, name)), None)
        if known is None:
            unknown.append(name)
            continue
        if known.equal_to is not None:
            _check_copy(name, known.equal_to, tensors, where)
        left_over.append((name, known.reason))
    _refuse(unknown, "holds the unknown", where)
    return left_over


def _check_copy(name: str, original: str, tensors: Mapping[str, np.ndarray], where: str) -> None:
    if original in tensors and not np.array_equal(tensors[name], tensors[original]):
        raise types.UserError(
            f"{where}: {name} differs from {original}, but must be the same weights. This network"
            " ties them; such weights cannot be represented."
        )


def _check(rule: Rule, array: np.ndarray, variable: tf.Variable, where: str) -> None:
    wanted = rule.stored_shape(variable.shape)
    if tuple(array.shape) != wanted:
        raise types.UserError(
            f"{where}: {rule.source} has shape {_shape_text(array.shape)}, but"
            f" {_shape_text(wanted)} is needed for {rule.target} {_shape_text(variable.shape)}."
            " Does the configuration beside it belong to these weights?"
        )
    if array.dtype.kind != "f":
        raise types.UserError(
            f"{where}: {rule.source} holds {array.dtype}, but weights must be floating-point"
            " numbers. Quantised weights cannot be imported."
        )


def _refuse(names: Sequence[str], verb: str, where: str) -> None:
    if names:
        shown = ", ".join(names[:_NAMES_SHOWN])
        more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
        plural = "s" if len(names) > 1 else ""
        raise types.UserError(
            f"{where} {verb} variable{plural} {shown}{more}. Is it a model"
            " of the kind that was given?"
        )


def _shape_text(shape: Sequence[int]) -> str:
    return str(list(shape))
