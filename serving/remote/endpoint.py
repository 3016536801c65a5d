# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a client can ask of a model behind TF Serving's interfaces, by whatever protocol."""

from __future__ import annotations

import abc
import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

from realm_tf import types
from serving import replies

_MAX_WAIT_SECS = 10.0


class OverloadedError(types.UserError):
    """The server of an endpoint has no room for a request now; it may be asked again later.

    Attributes:
      retry_after_secs: After how many seconds it may have.
    """

    def __init__(self, message: str, retry_after_secs: float):
        super().__init__(message)
        self.retry_after_secs = retry_after_secs


class RefusedError(types.UserError):
    """The server of an endpoint can never answer a request as it is."""


@dataclasses.dataclass(frozen=True)
class Options:
    """How an endpoint is called.

    Attributes:
      model: Name of the model at the endpoint.
      token: Bearer token; None for none.
      ca_file: File of certificates to trust in place of the system's (PEM).
      timeout_secs: Seconds to wait for an answer.
      retries: How often a request is sent again to a server that is overloaded.
    """

    model: str = "realm"
    token: str | None = None
    ca_file: str | None = None
    timeout_secs: float = 30.0
    retries: int = 3


class Endpoint(abc.ABC):
    """A model at an address.

    Args:
      options: How it is called.
    """

    def __init__(self, options: Options):
        self._options = options

    @abc.abstractmethod
    def predict(self, inputs: Mapping[str, Any], signature: str = "") -> dict[str, Any]:
        """Calls a signature once.

        Args:
          inputs: Values by name, as nested lists; texts are str.
          signature: Name of the signature; the default one if it is empty.

        Returns:
          The outputs by name, as nested lists; texts are str.

        Raises:
          OverloadedError: If the server has no room now.
          UserError: If the request is refused, or the server cannot be reached.
        """

    @abc.abstractmethod
    def versions(self) -> dict[int, str]:
        """States of the versions, such as "AVAILABLE".

        Raises:
          UserError: As for `predict`.
        """

    @abc.abstractmethod
    def signatures(self) -> dict[str, list[str]]:
        """Names of the inputs by signature.

        Raises:
          UserError: As for `predict`.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Closes the connection."""

    def ask(
        self,
        questions: Sequence[str],
        wanted: replies.Wanted | None = None,
        *,
        batch_size: int = 32,
    ) -> list[replies.Reply]:
        """Asks questions.

        Args:
          questions: Questions, any number of them.
          wanted: What is wanted of the answers to each.
          batch_size: Number of questions in a request.

        Raises:
          UserError: As for `predict`, or if the model answers no questions.
        """
        replies.require_unicode(questions)
        more = {} if wanted is None else wanted.inputs()
        signature = "answer" if more else ""
        found: list[replies.Reply] = []
        for start in range(0, len(questions), batch_size):
            batch = list(questions[start : start + batch_size])
            inputs = {"question": batch, **{n: [value] * len(batch) for n, value in more.items()}}
            found += replies.from_outputs(batch, self._retried(inputs, signature))
        return found

    def _retried(self, inputs: Mapping[str, Any], signature: str) -> dict[str, Any]:
        """Predicts, again after the time that the server asks for when it is overloaded."""
        for _ in range(self._options.retries):
            try:
                return self.predict(inputs, signature)
            except OverloadedError as error:
                time.sleep(min(error.retry_after_secs, _MAX_WAIT_SECS))
        return self.predict(inputs, signature)
