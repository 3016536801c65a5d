# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium, told what to do over its debugging pipe."""

import base64
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from typing import Any

PATH = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-extensions",
)
_KEYS = {"/": 191, "b": 66, "Enter": 13, "ArrowDown": 40, "ArrowUp": 38}


class Page:
    """One page of a browser.

    Attributes:
      messages: What the page wrote to its console, and what its policy refused.
    """

    def __init__(self, to_browser: int, from_browser: int):
        self._to, self._from = to_browser, from_browser
        self._buffer, self._number, self._session = b"", 0, None
        self.messages: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    def open(self, url: str, *, width: int = 1100, height: int = 900, dark: bool = False) -> None:
        """Opens an address in a window of a size, which is a phone's if it is narrow."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if width < 600 else 1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])
        # A new document each time: with another #q alone, the browser would keep the last one.
        self._call("Page.navigate", url="about:blank")
        self.wait("location.href === 'about:blank'")
        self.messages.clear()
        self._call("Page.navigate", url=url)

    def get(self, expression: str) -> Any:
        """Value of an expression of JavaScript."""
        found = self._call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in found:
            raise AssertionError(found["exceptionDetails"])
        return found["result"].get("value")

    def wait(self, condition: str, secs: float = 60) -> None:
        """Waits until a condition holds."""
        end = time.monotonic() + secs
        # While the page loads, what the condition looks at may not be there yet.
        holds = f"(() => {{ try {{ return Boolean({condition}); }} catch {{ return false; }} }})()"
        while not self.get(holds):
            if time.monotonic() > end:
                raise AssertionError(f"{condition}; {self.get('document.body.innerText')}")
            time.sleep(0.05)

    def press(self, key: str) -> None:
        """Presses a key."""
        code = _KEYS[key]
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        keys = {"key": key, "windowsVirtualKeyCode": code}
        self._call("Input.dispatchKeyEvent", type="keyDown", text=text, **keys)
        self._call("Input.dispatchKeyEvent", type="keyUp", **keys)

    def type(self, text: str) -> None:
        """Types text where the cursor is."""
        self._call("Input.insertText", text=text)

    def screenshot(self, path: pathlib.Path) -> None:
        """Writes what is seen as a PNG."""
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot")["data"]))

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            found = self._read()
            if found.get("id") == self._number:
                if "error" in found:
                    raise AssertionError(found["error"])
                return found["result"]
            if found.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown"):
                self.messages.append(json.dumps(found["params"]))

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            chunk = os.read(self._from, 1 << 20)
            if not chunk:
                raise AssertionError("The browser is gone.")
            self._buffer += chunk
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)


@contextlib.contextmanager
def page() -> Iterator[Page]:
    """Yields a page of a browser that lives as long as the block."""
    their_in, to_browser = os.pipe()
    from_browser, their_out = os.pipe()
    # The browser reads from its descriptor 3 and writes to 4, which the shell gives it.
    script = f'exec "$@" 3<&{their_in} 4>&{their_out}'
    # A process of the browser that outlives it by a moment may still write into its profile.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        flags = [*_FLAGS, "--remote-debugging-pipe", f"--user-data-dir={profile}"]
        process = subprocess.Popen(
            ["bash", "-c", script, "bash", str(PATH), *flags],
            pass_fds=(their_in, their_out),
            stderr=subprocess.DEVNULL,
        )
        os.close(their_in), os.close(their_out)
        try:
            yield Page(to_browser, from_browser)
        finally:
            process.terminate()
            process.wait(20)
            os.close(to_browser), os.close(from_browser)
