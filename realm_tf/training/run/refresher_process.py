# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The local refresher: a child of the trainer's process, which is started again when it dies."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from realm_tf import artifacts
from realm_tf import config as config_lib

LOG = "refresher.log"
_PATIENCE_SECS = 10.0  # for a child to end
_QUICK_SECS = 60.0  # a child that lives no longer is started again later and later
_LONGEST_PAUSE_SECS = 60.0
_TAIL_BYTES = 2000

_LOGGER = logging.getLogger(__name__)


def command(workdir: str) -> list[str]:
    """What starts the local refresher of a run."""
    realm = [sys.executable, "-m", "realm_tf"]
    return [*realm, "refresh", "--workdir", workdir, "--watch", "--with-parent"]


class RefresherProcess:
    """A refresher of this machine, which ends when this process does, however that ends.

    It reads from a pipe that this process holds: when the pipe closes, it ends.

    Args:
      command: Command that starts the refresher; see `realm refresh`.
      directory: Directory of the refresher's log.
      config: Configuration of the refresh, which has its number of threads.
    """

    def __init__(self, command: Sequence[str], directory: str, config: config_lib.RefreshConfig):
        self._command = list(command)
        self._directory = directory
        self._threads = config.refresher_threads or max(1, (os.cpu_count() or 1) // 2)
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._pause = 0.0
        self._start_at = 0.0

    def start(self) -> None:
        """Starts it."""
        threads = str(self._threads)
        names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
        with open(self._log(), "ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **dict.fromkeys(names, threads)},
            )
        self._started = time.monotonic()
        _LOGGER.info("refresher: process %d, log %s", self._process.pid, self._log())

    def watch(self) -> None:
        """Starts it again if it has died.

        Raises:
          RuntimeError: If it ended by an error of the code: that would come again.
        """
        process = self._process
        if process is None:
            if time.monotonic() >= self._start_at:
                self.start()
            return
        code = process.poll()
        if code is None:
            return
        self._let_go(process)
        if code == 1:
            raise RuntimeError(
                f"The refresher ended by an error; {self._log()} ends:\n{self._tail()}"
            )
        is_quick = time.monotonic() - self._started < _QUICK_SECS
        self._pause = min(2 * self._pause + 1, _LONGEST_PAUSE_SECS) if is_quick else 0.0
        self._start_at = time.monotonic() + self._pause
        how = f"was killed by {_signal(-code)}" if code < 0 else f"ended with exit code {code}"
        _LOGGER.warning(
            "the refresher %s; it is started again in %.0f s (log: %s)",
            how, self._pause, self._log(),
        )  # fmt: skip

    def end(self) -> None:
        """Ends it; what it has begun is gone on with by the next one."""
        process = self._process
        if process is None:
            return
        self._let_go(process)
        try:
            process.wait(_PATIENCE_SECS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _let_go(self, process: subprocess.Popen[bytes]) -> None:
        self._process = None
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()

    def _log(self) -> str:
        # A log grows line by line, which object stores cannot do.
        if artifacts.is_remote(self._directory):
            return os.devnull
        os.makedirs(self._directory, exist_ok=True)
        return os.path.join(self._directory, LOG)

    def _tail(self) -> str:
        with open(self._log(), "rb") as f:
            f.seek(max(0, os.path.getsize(self._log()) - _TAIL_BYTES))
            return f.read().decode(errors="replace")


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
