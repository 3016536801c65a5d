# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The distributions that the project declares, and which one an import comes from."""

import pathlib
import re
import sys
from collections.abc import Collection

# Where a distribution's name is not that of the import.
DISTRIBUTIONS = {
    "absl": "absl-py",
    "google.cloud.storage": "google-cloud-storage",
    "google.protobuf": "protobuf",
    "grpc": "grpcio",
    "grpc_health": "grpcio-health-checking",
    "official": "tf-models-official",
    "orbit": "tf-models-official",
    "sklearn": "scikit-learn",
    "tensorflow_serving": "tensorflow-serving-api",
    "yaml": "pyyaml",
}


def declared(root: pathlib.Path) -> set[str]:
    """Returns the names in the inputs of the lock."""
    lines = "\n".join((root / f).read_text() for f in ("requirements.in", "requirements-dev.in"))
    return {name.lower() for name in re.findall(r"^([A-Za-z][\w.-]*)", lines, re.MULTILINE)}


def of_import(name: str, declared_names: Collection[str], where: str) -> str | None:
    """Returns the distribution that an import comes from, None for the standard library.

    Raises:
        ValueError: If it is none of the declared ones.
    """
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names:
        return None
    known = [key for key in DISTRIBUTIONS if f"{name}.".startswith(f"{key}.")]
    found = DISTRIBUTIONS[known[0]] if known else top.replace("_", "-")
    if found not in declared_names:
        raise ValueError(
            f"{where} imports {name}, of the distribution {found!r}, which neither requirements.in"
            " nor requirements-dev.in names. Add it there and to setup.py, then run `make lock`;"
            " if the distribution has another name, add that to DISTRIBUTIONS in"
            " tools/distributions.py."
        )
    return found
