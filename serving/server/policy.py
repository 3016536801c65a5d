# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which of the versions on disk are served, and by which labels they are called."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from realm_tf import types

ALL = 1_000_000  # versions; as many as there are


@dataclasses.dataclass(frozen=True)
class Policy:
    """Which versions are served.

    Attributes:
      latest: Number of the newest versions that are served.
      specific: Numbers of the versions that are served in their place; empty for the newest.
      labels: Versions by label; a version with a label is served beside the others.

    Raises:
      UserError: If no version would be served.
    """

    latest: int = 1
    specific: frozenset[int] = frozenset()
    labels: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.latest < 1:
            raise types.UserError(f"At least one version must be served. Received: {self.latest}.")

    def candidates(self, there: Iterable[int]) -> tuple[list[int], int]:
        """Versions that may be served, newest first, and how many of them, besides labelled ones.

        A version that cannot be loaded gives its place to the next.
        """
        if self.specific:
            wanted = sorted(self.specific.intersection(there), reverse=True)
            return wanted, len(wanted)
        return sorted(there, reverse=True), self.latest


def parse_labels(texts: Iterable[str]) -> dict[str, int]:
    """Reads labels that are written `stable=3`.

    Raises:
      UserError: If one is not written so, or given twice.
    """
    labels: dict[str, int] = {}
    for text in texts:
        label, _, number = text.partition("=")
        if not label or not number.isdecimal() or label in labels:
            raise types.UserError(
                f"A label is written NAME=VERSION, once for each name. Received: {text!r}."
            )
        labels[label] = int(number)
    return labels
