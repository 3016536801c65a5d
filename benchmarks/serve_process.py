# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks of serving share: a server in a process of its own, and questions to ask."""

from __future__ import annotations

import contextlib
import gzip
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence

_STOP_SECS = 60


def questions(path: str) -> list[str]:
    """The questions of a file: one a line, or of JSON Lines with "question"; `.gz` as well."""
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as file:
        lines = [line.strip() for line in file if line.strip()]
    return [json.loads(line)["question"] if line[0] == "{" else line for line in lines]


@contextlib.contextmanager
def running(command: Sequence[str]) -> Iterator[tuple[subprocess.Popen, dict[str, str]]]:
    """Starts a server, and stops it at the end.

    Args:
      command: The command; the first line that it prints is JSON, with its addresses.

    Yields:
      The process, and the addresses by protocol.
    """
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECS)
            process.kill()


def realm_serve(model: str, *more: str) -> list[str]:
    """The command that serves an export at any free ports."""
    ports = ("--grpc-port", "0", "--rest-port", "0", "--json")
    return [sys.executable, "-m", "realm_tf", "serve", model, *ports, *more]
