# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Leases of readers: what somebody reads is not deleted meanwhile.

Any number of processes may read the same. Each has a small file of its own, which says what it
reads and who it is, and is renewed as a writer's lease is (`leases`): so it lives no longer than
its holder, however that ends. Who deletes, looks at the files before, and once more when nobody new
can find what is to be deleted; who reads, takes a lease first, and then looks whether it is there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import threading
import time
from collections.abc import Iterator

from realm_tf.artifacts import files, gfile, leases

_SUFFIX = ".reader.json"
_LOGGER = logging.getLogger(__name__)


@contextlib.contextmanager
def hold(directory: str, name: str, *, renew_secs: float = leases.RENEW_SECS) -> Iterator[None]:
    """Holds a reader's lease for as long as the block lasts.

    Where nothing can be written, such as on a disk that is mounted to be read only, there is no
    lease, and a warning.

    Args:
      directory: Directory of the leases; it is made if it is not there.
      name: What is read, as a part of a file's name.
      renew_secs: How often the lease is renewed.
    """
    holder = leases.Holder.myself(renew_secs)
    path = os.path.join(directory, f"{name}.{holder.key}{_SUFFIX}")
    try:
        gfile.makedirs(directory)
        files.create_text(path, holder.to_json())
    except (OSError, *gfile.errors()) as error:
        _LOGGER.warning("%s may be deleted while it is read: no lease (%s)", name, error)
        yield
        return
    ended = threading.Event()
    thread = threading.Thread(
        target=_renew_until, args=(ended, path, holder), name="reader's lease", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        with contextlib.suppress(OSError, *gfile.errors()):
            gfile.remove(path)


def holders(directory: str) -> dict[str, leases.Holder]:
    """What is read, by name, and one who reads it; files of readers that died are removed."""
    found = {}
    for path in files.paths_in(directory, suffix=_SUFFIX):
        name = os.path.basename(path).removesuffix(_SUFFIX).rpartition(".")[0]
        holder = leases.read_holder(path)
        if holder is not None and not holder.is_dead():
            found[name] = holder
        elif holder is not None:
            with contextlib.suppress(OSError, *gfile.errors()):
                gfile.remove(path)
    return found


def is_one(path: str) -> bool:
    """Whether a file of this name is a reader's lease, which comes and goes."""
    return path.endswith(_SUFFIX)


def _renew_until(ended: threading.Event, path: str, holder: leases.Holder) -> None:
    while not ended.wait(holder.renew_secs):
        renewed = dataclasses.replace(holder, renewed=time.time())
        with contextlib.suppress(OSError, *gfile.errors()):  # the next time may do
            files.write_text(path, renewed.to_json())
