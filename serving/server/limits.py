# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The limits of a server: on requests, on batches, and on what waits."""

from __future__ import annotations

import dataclasses

from realm_tf import types


@dataclasses.dataclass(frozen=True)
class Limits:
    """How much a server takes at once.

    Attributes:
      max_batch_size: Rows that run together; a larger request runs in parts.
      max_batch_delay_ms: Milliseconds that a request waits for others to run with.
      max_queue_rows: Rows that wait at the same time; a request beyond them is refused.
      batch_threads: Batches that run at the same time.
      max_rows: Rows (questions) of one request.
      max_text_bytes: Bytes of one string of a request.
      max_k: Largest value of an input that counts: `k`, or `num_...`.
      max_request_bytes: Bytes of one request.
      timeout_secs: Seconds after which an unanswered request has expired, whatever its own
        deadline.
      max_connections: Connections by HTTP, and calls by gRPC, at the same time.

    Raises:
      UserError: If a limit is not positive (the delay may be 0), or the queue is too short for one
        request.
    """

    max_batch_size: int = 32
    max_batch_delay_ms: float = 2.0
    max_queue_rows: int = 1024
    batch_threads: int = 2
    max_rows: int = 256
    max_text_bytes: int = 16_384
    max_k: int = 1000
    max_request_bytes: int = 4 << 20
    timeout_secs: float = 30.0
    max_connections: int = 1000

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value < 0 or (value == 0 and field.name != "max_batch_delay_ms"):
                raise types.UserError(f"{field.name} must be positive. Received: {value}.")
        if self.max_queue_rows < self.max_rows:
            raise types.UserError(
                f"max_queue_rows ({self.max_queue_rows}) must hold at least one request of max_rows"
                f" ({self.max_rows})."
            )
