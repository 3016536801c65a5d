# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Imports every given module first: each in a fork of this process, which has imported none.

    python -m tests.first_imports [--preload tensorflow] MODULE...

Prints what failed, as JSON: the traceback by the name of the module. A fork costs nothing beside a
new interpreter, and two forks at a time keep the memory small.
"""

import argparse
import importlib
import json
import os
import sys
import traceback

_AT_A_TIME = 2


def fault(module: str) -> str:
    """What is wrong after `module` was imported; "" if nothing is."""
    try:
        importlib.import_module(module)
    except BaseException:  # noqa: BLE001  Of whatever kind: it is what the test reports.
        return traceback.format_exc()
    if os.environ.get("TF_USE_LEGACY_KERAS") != "1":
        return "TF_USE_LEGACY_KERAS is not set."
    if "tensorflow" in sys.modules:
        keras = vars(sys.modules["tensorflow"])["keras"]
        if vars(keras).get("__version__", "").startswith("3"):
            return "tf.keras is Keras 3."
    return ""


def _start(module: str) -> tuple[int, int]:
    """Forks; returns the process, and the end of a pipe that its fault is read from."""
    read_end, write_end = os.pipe()
    process = os.fork()
    if process:
        os.close(write_end)
        return process, read_end
    with os.fdopen(write_end, "w") as pipe:
        pipe.write(fault(module))
    os._exit(0)  # Without the end of the interpreter, which belongs to the parent.


def faults(modules: list[str]) -> dict[str, str]:
    """The faults of the modules that have one."""
    found = {}
    for first in range(0, len(modules), _AT_A_TIME):
        group = modules[first : first + _AT_A_TIME]
        for module, (process, read_end) in zip(group, [_start(m) for m in group], strict=True):
            with os.fdopen(read_end) as pipe:
                text = pipe.read()
            _, status = os.waitpid(process, 0)
            if text or status:
                found[module] = text or f"The process ended with status {status}."
    return found


def main() -> None:
    """Reads the command line, and prints the faults."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="+")
    parser.add_argument("--preload", default=[], action="append")
    args = parser.parse_args()
    for module in args.preload:
        importlib.import_module(module)
    print(json.dumps(faults(args.modules)))


if __name__ == "__main__":
    main()
