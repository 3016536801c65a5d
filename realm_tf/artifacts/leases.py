# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Leases: one process at a time writes into a directory.

A lease is a small file in the directory that says who holds it. A thread of the holder renews it,
so it lives no longer than its holder, however that ends:

- on the same machine a holder is alive as long as its process is, and the lease of a dead one is
  free at once. (A process id may be given again: the time that its process started tells.)
- of a holder on another machine only the renewals are seen; it is free when some were left out.

On a mounted filesystem one of several processes gets a lease. An object store has no such means:
there, of two that start in the same second, one finds out when it renews, and stops.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import fcntl
import json
import os
import platform
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from types import FrameType
from typing import Any

from realm_tf import types
from realm_tf.artifacts import disk_errors, files, gfile

FILE = "lease.json"
RENEW_SECS = 10.0
_MISSED_RENEWALS = 12


@dataclasses.dataclass(frozen=True)
class Holder:
    """Who holds a lease: what its file says.

    Attributes:
      key: Random name of this holding of it.
      host: Name of the machine, for people.
      machine: What tells machines and containers apart: process ids mean the same within one.
      pid: Its process.
      started: When the process started, in clock ticks of the machine; None if that is not known.
      since: When it took the lease: UTC, ISO 8601.
      renewed: When it last renewed it, in seconds of Unix time.
      renew_secs: How often it does.
    """

    key: str
    host: str
    machine: str
    pid: int
    started: int | None
    since: str
    renewed: float
    renew_secs: float

    @classmethod
    def myself(cls, renew_secs: float = RENEW_SECS) -> Holder:
        """This process, now."""
        now = datetime.datetime.now(datetime.UTC)
        return cls(
            key=uuid.uuid4().hex,
            host=platform.node(),
            machine=_machine(),
            pid=os.getpid(),
            started=_started(os.getpid()),
            since=now.isoformat(timespec="seconds"),
            renewed=now.timestamp(),
            renew_secs=renew_secs,
        )

    def is_here(self) -> bool:
        """Whether it is a process of this machine, so that one can see whether it lives."""
        return self.machine == _machine()

    def is_dead(self) -> bool:
        """Whether the lease is free for others to take over."""
        if self.is_here():
            return not _is_alive(self.pid) or _started(self.pid) != self.started
        return time.time() > self.renewed + self.renew_secs * _MISSED_RENEWALS

    def to_json(self) -> str:
        """The text of the lease's file."""
        return json.dumps(dataclasses.asdict(self), indent=1) + "\n"


class Lease:
    """A lease that this process holds; use `hold`."""

    def __init__(self, directory: str, holder: Holder):
        self._directory = directory
        self._holder = holder
        self._ended = threading.Event()
        self._lost: str | None = None
        self._thread = threading.Thread(target=self._renew_until_end, name="lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Stops a holder that has lost its lease.

        Raises:
          UserError: If another process has taken the directory over.
        """
        if self._lost is not None:
            raise types.UserError(self._lost)

    def end(self) -> None:
        """Gives the lease back."""
        self._ended.set()
        self._thread.join()
        with contextlib.suppress(OSError, *gfile.errors()), _alone(self._directory):
            found = read_holder(_path(self._directory))
            if found is not None and found.key == self._holder.key:
                gfile.remove(_path(self._directory))

    def _renew_until_end(self) -> None:
        while not self._ended.wait(self._holder.renew_secs):
            try:
                self._lost = self._renew()
            except (OSError, *gfile.errors()):  # such as a full disk: the next time may do
                continue
            if self._lost is not None:
                # Whatever the main thread is doing: see `_stopped_when_lost`.
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
                return

    def _renew(self) -> str | None:
        """Renews the lease; returns what to tell the user if it is not ours any more."""
        with _alone(self._directory):
            found = read_holder(_path(self._directory))
            if found is None or found.key != self._holder.key:
                return _lost(self._directory, found)
            renewed = dataclasses.replace(found, renewed=time.time())
            files.write_text(_path(self._directory), renewed.to_json())
            return None


@contextlib.contextmanager
def hold(directory: str, *, renew_secs: float = RENEW_SECS) -> Iterator[Lease]:
    """Holds the lease of a directory, which is made if it is not there.

    Args:
      directory: On any filesystem that tf.io.gfile knows.
      renew_secs: How often it is renewed.

    Yields:
      The lease. If another process takes it over, the main thread is stopped with an error.

    Raises:
      UserError: If another process holds it or has taken it over, or the directory cannot be
        made or written.
    """
    disk_errors.make_directory(directory)
    holder = Holder.myself(renew_secs)
    with disk_errors.storage_errors():
        _take(directory, holder)
    lease = Lease(directory, holder)
    try:
        with _stopped_when_lost(lease):
            yield lease
            lease.check()
    finally:
        lease.end()


@contextlib.contextmanager
def _stopped_when_lost(lease: Lease) -> Iterator[None]:
    """Has an interrupt of the main thread raise the error of a lost lease, if it is lost."""
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers belong to the main thread; here `check` stops the work at its next stage
        return
    before = signal.getsignal(signal.SIGINT)

    def handle(number: int, frame: FrameType | None) -> None:
        lease.check()
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before or signal.SIG_DFL)


def holder_of(directory: str) -> Holder | None:
    """Who holds the lease of a directory; None if it is free."""
    found = read_holder(_path(directory))
    return None if found is None or found.is_dead() else found


def read_holder(path: str) -> Holder | None:
    """Who the file of a lease names; None if there is none, or it names nobody."""
    try:
        with gfile.GFile(path, "r") as f:
            return _parse(json.loads(f.read()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _take(directory: str, holder: Holder) -> None:
    with contextlib.suppress(FileExistsError):
        files.create_text(_path(directory), holder.to_json())
        return
    with _alone(directory):
        found = read_holder(_path(directory))
        if found is not None and not found.is_dead():
            raise types.UserError(_refusal(directory, found))
        files.write_text(_path(directory), holder.to_json())


@contextlib.contextmanager
def _alone(directory: str) -> Iterator[None]:
    """Keeps other processes from changing the lease meanwhile, where the filesystem can."""
    with contextlib.ExitStack() as stack:
        if not gfile.is_remote(directory):
            place = os.open(directory, os.O_RDONLY)
            stack.callback(os.close, place)  # which unlocks it, too
            with contextlib.suppress(OSError):  # some network filesystems cannot
                fcntl.flock(place, fcntl.LOCK_EX)
        yield


def _parse(body: dict[str, Any]) -> Holder:
    holder = Holder(**body)
    return dataclasses.replace(
        holder,
        pid=int(holder.pid),
        renewed=float(holder.renewed),
        renew_secs=float(holder.renew_secs),
    )


def _path(directory: str) -> str:
    return os.path.join(directory, FILE)


def _refusal(directory: str, holder: Holder) -> str:
    who = f"{directory} is in use by process {holder.pid} on {holder.host} since {holder.since}"
    if holder.is_here():
        return f"{who}. Wait until it ends, or end it; then give the same command again."
    silent = max(0, round(time.time() - holder.renewed))
    patience = round(holder.renew_secs * _MISSED_RENEWALS)
    return (
        f"{who}, and showed that it lives {silent} s ago. Wait until it ends; if it is dead, give"
        f" the same command again when it has been silent for {patience} s."
    )


def _lost(directory: str, holder: Holder | None) -> str:
    if holder is None:
        who = f"{_path(directory)} was deleted: another process may use the directory"
    else:
        who = f"process {holder.pid} on {holder.host} has taken over {directory}"
    return (
        f"{who}; this one stops, and does it no harm. Let one process at a time work there; it"
        " goes on where this one stopped."
    )


def _machine() -> str:
    """What tells this machine, since it was started, and this container from others."""
    parts = [platform.node()]
    with contextlib.suppress(OSError):  # only Linux has these
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as f:
            parts = [f.read().strip()]
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True
    return _state(pid) != "Z"  # dead, but nobody has asked how it ended


def _started(pid: int) -> int | None:
    """When a process started, in ticks since the machine did: no change of the clock moves it."""
    fields = _stat(pid)
    return int(fields[19]) if fields else None


def _state(pid: int) -> str | None:
    fields = _stat(pid)
    return fields[0] if fields else None


def _stat(pid: int) -> list[str]:
    """What Linux tells of a process, from its state on (proc_pid_stat(5)); elsewhere nothing."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            return f.read().rpartition(")")[2].split()
    except OSError:
        return []
