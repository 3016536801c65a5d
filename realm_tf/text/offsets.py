# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Converts offsets in a text: Python counts characters, everything on disk counts UTF-8 bytes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def byte_offsets(text: str) -> np.ndarray:
    """Byte offset of every character of `text`, and its length in bytes.

    Returns:
      The byte offsets <int64>[len(text) + 1].
    """
    if text.isascii():
        return np.arange(len(text) + 1)
    points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    widths = 1 + (points > 0x7F).astype(np.int64) + (points > 0x7FF) + (points > 0xFFFF)
    return np.concatenate([[0], np.cumsum(widths)])


def to_bytes(text: str, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Converts (start, limit) pairs from characters to bytes."""
    if text.isascii():
        return spans
    offsets = byte_offsets(text)
    return [(int(offsets[start]), int(offsets[limit])) for start, limit in spans]


def to_chars(text: str, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Converts (start, limit) pairs from bytes, at borders of characters, to characters."""
    if text.isascii():
        return spans
    offsets = byte_offsets(text)
    places = np.searchsorted(offsets, np.array(spans, np.int64).reshape(-1, 2))
    return [(int(start), int(limit)) for start, limit in places]


def bracket(text: bytes, places: Iterable[tuple[int, int]]) -> str:
    """Shows a UTF-8 text with what stands at offsets (byte_start, byte_limit) in [[brackets]]."""
    parts, end = [], 0
    for start, limit in places:
        parts += [text[end:start], b"[[", text[start:limit], b"]]"]
        end = limit
    return b"".join([*parts, text[end:]]).decode("utf-8")
