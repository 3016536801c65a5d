# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What both protocols do with a request: find the version, decode, check, run, count."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable

import grpc
import numpy as np

from serving.server import (
    batching,
    calls,
    checks,
    failures,
    limits,
    metrics,
    model_store,
    model_versions,
    servable,
)
from serving.server import policy as policy_lib

_UNKNOWN = "unknown"  # signature of a request that names none of the model's


@dataclasses.dataclass(frozen=True)
class Target:
    """What a request asks for: a model, a version of it by number or label, and a signature."""

    model: str
    number: int | None = None
    label: str = ""
    signature: str = ""


@dataclasses.dataclass(frozen=True)
class Prediction:
    """Outputs of a signature, and the version that they are of."""

    number: int
    snapshot_step: int | None
    signature: servable.Signature
    outputs: dict[str, np.ndarray]


Decode = Callable[[servable.Signature], dict[str, np.ndarray]]


class Service:
    """One model, for any protocol.

    Attributes:
      name: Name of the model.
      limits: Limits of the server.
      metrics: Figures of the server.
      versions: Versions of the model.

    Args:
      name: Name of the model.
      path: Directory of its versions.
      served: Which versions are served.
      limit: Limits of the server.
      store: Where the versions are, if it is not that directory alone.
    """

    def __init__(
        self,
        name: str,
        path: str,
        served: policy_lib.Policy,
        limit: limits.Limits,
        store: model_store.Store | None = None,
    ):
        self.name, self.path, self.limits = name, path, limit
        self.metrics = metrics.Metrics()
        self.versions = model_versions.ModelVersions(name, path, served, store)
        self.metrics.watch(self.versions)
        self._batcher = batching.Batcher(limit, self.metrics)
        self._stopping = False

    @property
    def is_ready(self) -> bool:
        """Whether requests are answered."""
        return bool(len(self.versions)) and not self._stopping

    def stop_accepting(self) -> None:
        """Reports the server as not ready, while it still answers what comes."""
        self._stopping = True

    async def close(self) -> None:
        """Ends the batches and unloads the model."""
        await self._batcher.close()
        await self.versions.close()

    def require_model(self, name: str) -> None:
        """Checks that a request is for this model.

        Raises:
          RequestError: If it is for another.
        """
        if name != self.name:
            raise failures.not_found(
                f"Model {name!r} is not served here. The model is {self.name!r}."
            )

    async def predict(
        self, target: Target, decode: Decode, *, protocol: str, timeout_secs: float | None = None
    ) -> Prediction:
        """Runs a signature.

        Args:
          target: What is asked for.
          decode: Decodes the inputs for the signature, and checks their types and shapes.
          protocol: "grpc" or "rest".
          timeout_secs: Seconds that the client waits; the server's limit holds as well.

        Raises:
          RequestError: If the request is refused.
        """
        wait = self.limits.timeout_secs if timeout_secs is None else timeout_secs
        deadline = asyncio.get_running_loop().time() + min(wait, self.limits.timeout_secs)
        with _Counted(self.metrics, protocol) as counted:
            self.require_model(target.model)
            with self.versions.use(target.number, target.label) as model:
                signature = model.signature(target.signature)
                counted.signature = signature.name
                inputs = checks.complete(signature, decode(signature), self.limits)
                call = calls.Call(model, signature, inputs)
                outputs = await self._batcher.run(call, deadline)
                return Prediction(model.number, model.snapshot_step, signature, outputs)


class _Counted:
    """Counts a request when it ends, in whatever way."""

    def __init__(self, figures: metrics.Metrics, protocol: str):
        self._figures, self._protocol = figures, protocol
        self.signature = _UNKNOWN

    def __enter__(self) -> _Counted:
        self._start = time.monotonic()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        code = grpc.StatusCode.OK
        if isinstance(error, failures.RequestError):
            code = error.code
        elif error is not None:
            cancelled = isinstance(error, asyncio.CancelledError)
            code = grpc.StatusCode.CANCELLED if cancelled else grpc.StatusCode.INTERNAL
        self._figures.count_request(
            protocol=self._protocol,
            signature=self.signature,
            code=code.name,
            secs=time.monotonic() - self._start,
        )
