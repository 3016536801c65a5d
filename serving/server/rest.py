# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""TF Serving's REST paths, health, readiness and metrics, as an ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf import json_format, struct_pb2
from starlette import applications, requests, responses, routing
from tensorflow_serving.apis import get_model_metadata_pb2

from serving.server import access, failures, grpc_service, metrics, page, rest_json, service

_NUMBER = re.compile(r"\d{1,18}")
Handler = Callable[[requests.Request], Awaitable[responses.Response]]


class Api:
    """The REST interface of one model.

    Args:
      model: The model.
      door: Who is admitted.
    """

    def __init__(self, model: service.Service, door: access.Access):
        self._model, self._door = model, door

    def app(self, *, with_page: bool) -> applications.Starlette:
        """The ASGI application; `with_page` adds the page for people at `/`."""
        routes = [
            routing.Route("/healthz", self._health),
            routing.Route("/readyz", self._readiness),
            routing.Route("/metrics", self._guarded(self._metrics)),
            # Where TF Serving has it by its example configuration.
            routing.Route("/monitoring/prometheus/metrics", self._guarded(self._metrics)),
        ]
        for path in ("", "/versions/{number}", "/labels/{label}"):
            base = "/v1/models/{name}" + path
            routes += [
                routing.Route(base + ":{verb}", self._guarded(self._verb), methods=["GET", "POST"]),
                routing.Route(base + "/metadata", self._guarded(self._metadata)),
                routing.Route(base, self._guarded(self._status)),
            ]
        if with_page:
            routes.append(routing.Route("/", page.handler(self._model.name)))
        handlers: Any = {404: _not_found, 405: _not_allowed}
        return applications.Starlette(routes=routes, exception_handlers=handlers)

    def _guarded(self, handler: Handler) -> Handler:
        """Admits a request first, and answers a refusal in TF Serving's form."""

        async def wrapped(request: requests.Request) -> responses.Response:
            try:
                address = request.client.host if request.client else ""
                self._door.admit(address, request.headers.get("authorization"))
                return await handler(request)
            except failures.RequestError as error:
                return _refusal(error)

        return wrapped

    async def _health(self, request: requests.Request) -> responses.Response:
        return responses.PlainTextResponse("ok\n")

    async def _readiness(self, request: requests.Request) -> responses.Response:
        if self._model.is_ready:
            return responses.PlainTextResponse("ready\n")
        return responses.PlainTextResponse("not ready\n", status_code=503)

    async def _metrics(self, request: requests.Request) -> responses.Response:
        return responses.Response(self._model.metrics.text(), media_type=metrics.CONTENT_TYPE)

    async def _status(self, request: requests.Request) -> responses.Response:
        return _json(_as_dict(grpc_service.statuses(self._model, _target(request))))

    async def _metadata(self, request: requests.Request) -> responses.Response:
        contents = {
            grpc_service.SIGNATURE_DEF: get_model_metadata_pb2.SignatureDefMap(),
            grpc_service.METADATA_FIELDS: struct_pb2.Struct(),
        }
        found = grpc_service.metadata(self._model, _target(request), contents.keys())
        for name, content in contents.items():
            found.metadata[name].Unpack(content)
        fields = {name: _as_dict(content) for name, content in contents.items()}
        return _json({"model_spec": _as_dict(found.model_spec), "metadata": fields})

    async def _verb(self, request: requests.Request) -> responses.Response:
        verb = request.path_params["verb"]
        if verb in ("classify", "regress"):
            raise failures.unimplemented(
                f":{verb} takes tf.Example records, which this model does not. Use :predict."
            )
        if verb != "predict":
            raise failures.not_found(f"There is no method {verb!r}. Use :predict.")
        if request.method != "POST":
            raise failures.invalid(f"Use POST. Received: {request.method}.", http_status=405)
        limit = self._model.limits
        body = rest_json.parse(await _read(request, limit.max_request_bytes, limit.timeout_secs))
        prediction = await _while_connected(
            request,
            self._model.predict(
                _target(request, body.signature),
                lambda signature: rest_json.decode(body, signature, limit),
                protocol="rest",
            ),
        )
        return _json(rest_json.encode(body, prediction.outputs), headers=_versions(prediction))


def _target(request: requests.Request, signature: str = "") -> service.Target:
    found = request.path_params
    number = found.get("number")
    if number is not None and not _NUMBER.fullmatch(number):
        raise failures.invalid(f"A version is a whole number. Received: {number!r}.")
    return service.Target(
        model=found["name"],
        number=None if number is None else int(number),
        label=found.get("label", ""),
        signature=signature,
    )


async def _read(request: requests.Request, max_bytes: int, timeout_secs: float) -> bytes:
    """Reads the body, but no more of it, and for no longer, than is allowed."""
    body = bytearray()
    try:
        async with asyncio.timeout(timeout_secs):
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_bytes:
                    raise failures.invalid(
                        f"The body has more than {max_bytes} bytes.", http_status=413
                    )
    except TimeoutError as error:
        raise failures.expired() from error
    except requests.ClientDisconnect as error:
        raise failures.expired() from error  # nobody reads the answer
    return bytes(body)


async def _while_connected(
    request: requests.Request, prediction: Awaitable[service.Prediction]
) -> service.Prediction:
    """Awaits a prediction, and gives it up when the client is gone."""
    running = asyncio.ensure_future(prediction)
    gone = asyncio.ensure_future(_disconnect(request))
    try:
        await asyncio.wait((running, gone), return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            raise failures.expired()
        return running.result()
    finally:
        for task in (running, gone):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone


async def _disconnect(request: requests.Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _versions(prediction: service.Prediction) -> dict[str, str]:
    """What a client may want to know of the answer, and TF Serving's JSON has no place for."""
    headers = {"x-model-version": str(prediction.number)}
    if prediction.snapshot_step is not None:
        headers["x-snapshot-step"] = str(prediction.snapshot_step)
    return headers


def _as_dict(message: Any) -> dict[str, Any]:
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def _json(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Any:
    # Not starlette's, which refuses NaN; TF Serving writes it, too.
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return responses.Response(
        text, status_code=status, headers=headers, media_type="application/json"
    )


def _refusal(error: failures.RequestError) -> responses.Response:
    wait = error.retry_after_secs
    headers = {} if wait is None else {"retry-after": str(wait)}
    if error.http_status == 401:
        headers["www-authenticate"] = "Bearer"
    return _json({"error": error.message}, error.http_status, headers)


async def _not_found(request: requests.Request, error: Exception) -> responses.Response:
    return _json({"error": f"There is nothing at {request.url.path}."}, 404)


async def _not_allowed(request: requests.Request, error: Exception) -> responses.Response:
    headers = getattr(error, "headers", None) or {}
    # The framework gives a set, in any order.
    methods = sorted(headers.get("Allow", "another method").split(", "))
    message = f"{request.method} is not for {request.url.path}. Use {' or '.join(methods)}."
    return _json({"error": message}, 405)
