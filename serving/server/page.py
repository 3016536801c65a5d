# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The page for people: one HTML file that asks the REST interface that it came from."""

from __future__ import annotations

import base64
import hashlib
import html
import pathlib
import re
from collections.abc import Awaitable, Callable

from starlette import requests, responses

_FILE = pathlib.Path(__file__).with_name("page.html")
_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


def handler(name: str) -> Callable[[requests.Request], Awaitable[responses.Response]]:
    """The handler of a GET request for the page of a model."""
    text = _FILE.read_text(encoding="utf-8").replace("MODEL_NAME", html.escape(name, quote=True))
    headers = {
        "content-security-policy": _policy(text),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }

    async def show(request: requests.Request) -> responses.Response:
        return responses.HTMLResponse(text, headers=headers)

    return show


def _policy(text: str) -> str:
    """Allows the page its own script and style, named by their hashes, and nothing else."""
    sources = {"script": "", "style": ""}
    for kind, content in _INLINE.findall(text):
        digest = hashlib.sha256(content.encode("utf-8")).digest()
        sources[kind] += f" 'sha256-{base64.b64encode(digest).decode('ascii')}'"
    return (
        f"default-src 'none'; script-src{sources['script']}; style-src{sources['style']};"
        " connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    )
