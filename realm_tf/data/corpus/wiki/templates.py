# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Text of those Wikipedia templates ({{convert}}, {{lang}}, ...) that are part of a sentence.

All others are dropped: infoboxes, navigation, citations, maintenance. These few stand in running
prose, where dropping them leaves a hole: "a distance of  to the coast".
"""

from __future__ import annotations

from collections.abc import Sequence

_SIGNS = {
    "ndash": "\u2013",
    "mdash": "\u2014",
    "spaced ndash": " \u2013 ",
    "snd": " \u2013 ",
    "spnd": " \u2013 ",
    "spaced mdash": " \u2014 ",
    "nbsp": " ",
    "'": "'",
    "'s": "'s",
    "pipe": "|",
    "!": "|",
    "=": "=",
    "ampersand": "&",
    "times": "\u00d7",
    "minus": "\u2212",
}

# Those that show their first positional argument, and those that show their second.
_FIRST = (
    "abbr|big|block quote|blockquote|cquote|em|ill|interlanguage link|lc|linktext|mvar|nihongo"
    "|nobold|nobr|nobreak|noitalic|not a typo|nowr|nowrap|proper name|quotation|quote|sic|small"
    "|smaller|strong|tooltip|uc|val|var"
)
_SECOND = "lang|rtl-lang|transl|transliteration|wikt-lang"
_SHOWN = {**dict.fromkeys(_FIRST.split("|"), 0), **dict.fromkeys(_SECOND.split("|"), 1)}
_CIRCA = ("circa", "c.", "ca.")
_CONVERT = ("convert", "cvt")
_BETWEEN = ("-", "\u2013", "to", "and", "by", "x", "or")


def shown(name: str, arguments: Sequence[str]) -> str:
    """The text that a Wikipedia template shows in running text.

    Args:
      name: Name of the template as it is written, without white space around it.
      arguments: Positional arguments of the template, as text.

    Returns:
      Text; empty for a template that is not known.
    """
    key = name.lower().replace("_", " ")
    if key in _SIGNS:
        return _SIGNS[key]
    if key in _CONVERT:
        return _measure(arguments)
    if key in _CIRCA:
        return f"c. {arguments[0]}" if arguments else "c."
    if key.startswith("lang-"):
        return arguments[0] if arguments else ""
    if key == "as of":
        return f"as of {' '.join(arguments)}"
    if key in _SHOWN and len(arguments) > _SHOWN[key]:
        return arguments[_SHOWN[key]]
    return ""


def _measure(arguments: Sequence[str]) -> str:
    """The first measure of {{convert}}: its numbers and the unit that they are given in."""
    taken: list[str] = []
    for argument in arguments:
        taken.append({"-": "to", "by": "by", "x": "by"}.get(argument, argument))
        if (
            argument not in _BETWEEN
            and not argument[:1].isdigit()
            and argument[:1] not in "-\u2212+."
        ):
            break
    return " ".join(taken)
