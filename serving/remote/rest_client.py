# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A model behind TF Serving's REST interface; needs nothing but Python's own library."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from realm_tf import types
from serving.remote import endpoint

_BUSY = (429, 503)


class RestEndpoint(endpoint.Endpoint):
    """A model at an address of HTTP.

    Args:
      url: `http://HOST:PORT` or `https://HOST:PORT`.
      options: How it is called.

    Raises:
      UserError: If the file of certificates cannot be read.
    """

    def __init__(self, url: str, options: endpoint.Options):
        super().__init__(options)
        self._url = f"{url.rstrip('/')}/v1/models/{options.model}"
        self._context = _tls(options.ca_file) if url.startswith("https") else None

    def predict(self, inputs: Mapping[str, Any], signature: str = "") -> dict[str, Any]:
        """See `Endpoint.predict`."""
        body: dict[str, Any] = {"inputs": dict(inputs)}
        if signature:
            body["signature_name"] = signature
        outputs = self._call(":predict", body)["outputs"]
        # A single output stands without its name, which only the metadata tells.
        return outputs if isinstance(outputs, dict) else {"": outputs}

    def versions(self) -> dict[int, str]:
        """See `Endpoint.versions`."""
        found = self._call("")["model_version_status"]
        return {int(one["version"]): one["state"] for one in found}

    def signatures(self) -> dict[str, list[str]]:
        """See `Endpoint.signatures`."""
        found = self._call("/metadata")["metadata"]["signature_def"]["signature_def"]
        return {name: sorted(one["inputs"]) for name, one in found.items() if name[:2] != "__"}

    def close(self) -> None:
        """There is nothing to close: every request has a connection of its own."""

    def _call(self, path: str, body: Any = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode("utf-8")
        request = urllib.request.Request(self._url + path, data, self._headers())
        try:
            with urllib.request.urlopen(
                request, timeout=self._options.timeout_secs, context=self._context
            ) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(self._url, error) from error
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise types.UserError(f"{self._url} cannot be reached: {reason}.") from error
        except ValueError as error:
            raise types.UserError(f"{self._url} does not answer with JSON: {error}.") from error

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if self._options.token is not None:
            headers["Authorization"] = f"Bearer {self._options.token}"
        return headers


def _tls(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise types.UserError(f"{ca_file} holds no certificates: {error}.") from error


def _refusal(url: str, error: urllib.error.HTTPError) -> types.UserError:
    text = error.read().decode("utf-8", "replace")
    try:
        text = json.loads(text)["error"]
    except (ValueError, KeyError, TypeError):
        text = text.strip()[:200] or error.reason
    message = f"{url} refuses the request ({error.code}): {text}"
    if error.code not in _BUSY:
        return types.UserError(message)
    wait = error.headers.get("Retry-After", "")
    return endpoint.OverloadedError(message, float(wait) if wait.isdecimal() else 1.0)
