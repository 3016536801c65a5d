# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Worker processes of Beam's local runner, whose death ends the pipeline with one line.

Beam (2.77) waits for ever for the answer of a worker process that was killed, for lack of memory
say. It watches its containers for that; this does the same for its processes.
"""

from __future__ import annotations

import threading
from typing import Any

from apache_beam.portability import python_urns
from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.portability.fn_api_runner import worker_handlers

_POLL_SECS = 1.0
# The runner reads the user's mistakes out of the answers of workers: this comes out as one.
_DIED = (
    "UserError: A worker process has died, killed perhaps for lack of memory. Give the same command"
    " again: it goes on where it stopped."
)


class _WatchedWorker(worker_handlers.SubprocessSdkWorkerHandler):
    """A worker process in whose place an error answers once it is gone."""

    def __init__(self, command: bytes, *args: Any):
        # A shell runs it. Ctrl-C in a terminal reaches all, and the realm command alone answers it.
        super().__init__(b"trap '' INT; " + command, *args)
        self._stopped = threading.Event()

    def start_worker(self) -> None:
        """Starts the process, and watches it."""
        super().start_worker()
        threading.Thread(name="watch_worker", target=self._watch, daemon=True).start()

    def stop_worker(self) -> None:
        """Waits for the process to end."""
        self._stopped.set()
        super().stop_worker()

    def _watch(self) -> None:
        self.worker_thread.join()
        while not self._stopped.is_set():
            for future in list(self.control_conn._futures_by_id.values()):
                if not future.is_done():
                    name = future.instruction_id
                    future.set(
                        beam_fn_api_pb2.InstructionResponse(instruction_id=name, error=_DIED)
                    )
            self._stopped.wait(_POLL_SECS)


def watch() -> None:
    """Has the local runner watch the worker processes that it starts."""
    register = worker_handlers.WorkerHandler.register_environment
    register(python_urns.SUBPROCESS_SDK, bytes)(_WatchedWorker)
