# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Serves an exported model until it is told to stop: `realm serve`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from serving.server import app, policy
from serving.server import limits as limits_lib

_LIMITS = tuple(limits_lib.Limits.__dataclass_fields__)


def serve(
    path: str,
    *,
    versions: int,
    labels: Sequence[str],
    on_start: Callable[[dict[str, str]], None],
    **given: Any,
) -> None:
    """Serves until SIGINT or SIGTERM comes.

    Args:
      path: Directory of the exported model.
      versions: Number of the newest versions that are served.
      labels: Versions that are served beside them, each as `NAME=VERSION`.
      on_start: Called with the addresses, by protocol, when the server is ready.
      **given: Attributes of `serving.server.app.Settings` and of `serving.server.limits.Limits`.

    Raises:
      UserError: If the settings do not go together, or the server cannot start.
    """
    limits = {name: given.pop(name) for name in _LIMITS if name in given}
    settings = app.Settings(
        path=path,
        policy=policy.Policy(latest=versions, labels=policy.parse_labels(labels)),
        limits=limits_lib.Limits(**limits),
        **given,
    )
    app.run(settings, lambda found: on_start({"grpc": found.grpc, "rest": found.rest}))
