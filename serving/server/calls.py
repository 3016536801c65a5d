# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Calls of a signature: which may run together, and what each gets of the outputs.

Rows may run together if they are for the same signature of the same version, and agree in what
shapes the outputs: inputs without a batch dimension, and one whole number per row, such as `k`. So
an answer never depends on the requests that it was computed with. Calls that leave a text out, such
as a filter, run apart from those that give it, for whose sake all rows would take the longer way.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Hashable, Sequence

import grpc
import numpy as np

from serving.server import failures, servable

_LOGGER = logging.getLogger(__name__)
Outcome = dict[str, np.ndarray] | failures.RequestError


@dataclasses.dataclass(frozen=True, eq=False)
class Call:
    """A checked request.

    Attributes:
      model: Version that is called.
      signature: Signature of it.
      inputs: All inputs of the signature.
    """

    model: servable.Servable
    signature: servable.Signature
    inputs: servable.Arrays

    @property
    def rows(self) -> int:
        """Number of rows of the inputs with a batch dimension; 1 if there are none."""
        return max((len(self.inputs[name]) for name in self._batched()), default=1)

    def key(self) -> Hashable:
        """Calls with equal keys may run together; the key of one that runs alone is its own."""
        if not self.signature.is_batched:
            return self
        shapes = [(name, self.inputs[name].shape[1:]) for name in self._batched()]
        settings: list[tuple[str, Hashable]] = []
        for name, value in self.inputs.items():
            if name in self._batched() and value.dtype == object:
                settings.append((name, bool(np.any(value != b""))))
            if name in self._batched() and not _is_setting(value):
                continue
            if len(distinct := np.unique(value, axis=0)) != 1:
                return self
            settings.append((name, distinct.tobytes()))
        return (self.model, self.signature.name, *shapes, *settings)

    def parts(self, size: int) -> list[Call]:
        """Divides the call into calls of at most `size` rows, if it need not stay whole."""
        if self.rows <= size or self.key() is self:
            return [self]
        return [self._slice(start, start + size) for start in range(0, self.rows, size)]

    def _batched(self) -> list[str]:
        return [name for name, spec in self.signature.inputs.items() if servable.has_batch(spec)]

    def _slice(self, start: int, limit: int) -> Call:
        inputs = {name: self.inputs[name][start:limit] for name in self._batched()}
        return dataclasses.replace(self, inputs={**self.inputs, **inputs})


def run_together(calls: Sequence[Call]) -> list[Outcome]:
    """Runs calls with equal keys as one batch; one that fails takes no other with it."""
    if len(calls) == 1:
        return [_run(calls[0])]
    first = calls[0]
    inputs = {name: np.concatenate([c.inputs[name] for c in calls]) for name in first.inputs}
    together = _run(dataclasses.replace(first, inputs=inputs))
    if isinstance(together, failures.RequestError):
        return [_run(call) for call in calls]
    limits = np.cumsum([call.rows for call in calls])
    return [
        {name: value[limit - call.rows : limit] for name, value in together.items()}
        for call, limit in zip(calls, limits, strict=True)
    ]


def joined(outputs: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The outputs of a call from those of its parts."""
    if len(outputs) == 1:
        return outputs[0]
    return {name: np.concatenate([part[name] for part in outputs]) for name in outputs[0]}


def _run(call: Call) -> Outcome:
    try:
        return call.model.run(call.signature.name, call.inputs)
    except failures.RequestError as error:
        return error
    except Exception:
        _LOGGER.exception("A call of %s failed.", call.signature.name)
        return failures.RequestError(grpc.StatusCode.INTERNAL, "The model failed; see the log.")


def _is_setting(value: np.ndarray) -> bool:
    return value.ndim == 1 and np.issubdtype(value.dtype, np.integer)
