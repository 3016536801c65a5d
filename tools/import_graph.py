# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which of the project's modules another one needs to be imported."""

from collections.abc import Mapping

from tools import source_tree


class ImportGraph:
    """Which of the project's modules need which, without circles, as Bazel wants it.

    Raises:
        ValueError: If modules import each other in a circle.
    """

    def __init__(self, files: Mapping[str, source_tree.SourceFile]):
        self._needs: dict[str, set[str]] = {}
        for module, file in files.items():
            found = (source_tree.resolve(name, files) for _, name in file.imports())
            self._needs[module] = {need for need in found if need not in (None, module)}
        circle = sorted(module for module in files if module in self.reachable(module))
        if circle:
            raise ValueError(f"These modules import each other in a circle: {circle}. Break it.")
        # To import a module is to run the __init__ files above it, so it needs the nearest; but
        # not one that itself imports the module, to re-export it: that would be a circle.
        for module in sorted(files):
            parts = module.split(".")
            above = (".".join(parts[:end]) for end in range(len(parts) - 1, 0, -1))
            free = (p for p in above if p in files and module not in self.reachable(p))
            self._needs[module] |= set([*free][:1])

    def needs(self, module: str) -> set[str]:
        """Returns the modules that must be there for this one to be imported."""
        return self._needs[module]

    def reachable(self, module: str) -> set[str]:
        """Returns the modules that this one needs, and those that they need, and so on."""
        reached: set[str] = set()
        waiting = [module]
        while waiting:
            fresh = self._needs[waiting.pop()] - reached
            reached |= fresh
            waiting += fresh
        return reached
