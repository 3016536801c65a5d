# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Parses lines of JSON Lines files, and says of what is none what it looks like."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from realm_tf import artifacts
from realm_tf.text.inputs import lines


def parse(line: bytes) -> dict[str, Any]:
    """Parses a line that holds a JSON object.

    Raises:
      BadRecordError: If it is none, or holds what is no Unicode text.
    """
    text = lines.decode(line)
    try:
        record = json.loads(text, parse_constant=_refuse_constant)
        if b"\\ud" in line.lower():  # an escaped half of a surrogate pair is no character
            artifacts.canonical_json(record).encode("utf-8")
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        message = f"not valid Unicode: {half!r} is half of a surrogate pair, no character."
        raise lines.BadRecordError(message) from error
    except json.JSONDecodeError as error:
        raise lines.BadRecordError(f"invalid JSON: {_what_is_wrong(text, error)}") from error
    except (ValueError, RecursionError) as error:
        raise lines.BadRecordError(f"invalid JSON: {error}.") from error
    if not isinstance(record, dict):
        hint = " Is the file one JSON array? One object a line is needed: jq -c '.[]' makes that."
        raise lines.BadRecordError(
            f"a JSON object is needed. Received: {short(record)}."
            + (hint if isinstance(record, list) else "")
        )
    return record


def short(value: Any) -> str:
    """A value as text, shortened so that it fits in an error message."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _what_is_wrong(text: str, error: json.JSONDecodeError) -> str:
    """Why a line is no JSON object, and what the file seems to be."""
    bare = text.strip()
    is_open = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
    if bare.startswith("{") and is_open:
        return (
            "the object does not end on its line. Is the file indented JSON, or cut off? One object"
            " a line is needed: jq -c . makes that."
        )
    if bare.startswith("["):
        return "the file seems to be one JSON array. One object a line is needed: jq -c '.[]'."
    if bare.startswith("{"):
        near = short(text[error.pos : error.pos + 20])
        return f"the object is wrong at character {error.pos + 1}, {near}."
    looks = next((what for mark, what in _LOOKS.items() if mark in bare), "")
    return f"the line begins with {short(bare[:20])}, not with {{.{looks}"


_LOOKS = {
    "</": " Is the file XML or HTML?",
    "\t": " Is the file a table with tabs?",
    ",": " Is the file a table or a text?",
}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
